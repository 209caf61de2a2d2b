import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { nativeSupervisor } from '../supervisor/native.ts';
import type { Learned } from './answer.ts';
import { DnsForwarder, type DnsServer } from './forwarder.ts';
import type { ProcessId } from './name-table.ts';

/**
 * The name servers of resolvers, where packets cannot be seen otherwise: they have stand-ins in the private network, at
 * their own addresses, which resolvers ask from sockets in there. So answers come from where each library expects them.
 */
export class NameServers {
  readonly #learn: (process: ProcessId, learned: Learned) => void;
  /** By address and port. */
  readonly #standIns = new Map<string, StandIn>();
  /** Whose questions those from a port are. */
  readonly #processes = new Map<number, ProcessId>();

  constructor(learn: (process: ProcessId, learned: Learned) => void) {
    this.#learn = learn;
  }

  /** The socket with this port in the private network is one of the process's from now on, and no other's. */
  expect(port: number, process: ProcessId): void {
    for (const standIn of this.#standIns.values()) standIn.forget(port);
    this.#processes.delete(port);
    this.#processes.set(port, process);
    dropOldest(this.#processes, mostResolvers);
  }

  /** A server is about to be asked. Fails as bind() does, such as where the private network has no IPv6. */
  standInFor(server: DnsServer): void {
    const key = `${server.address} ${server.port}`;
    const standIn = this.#standIns.get(key) ?? this.#open(server);
    this.#standIns.delete(key);
    this.#standIns.set(key, standIn);
    dropOldest(this.#standIns, mostServers)?.close();
  }

  close(): void {
    for (const standIn of this.#standIns.values()) standIn.close();
  }

  #open(server: DnsServer): StandIn {
    return new StandIn(server, {
      processOf: (port) => this.#processes.get(port),
      learn: this.#learn,
    });
  }
}

/** Most programs ask one or two; a recursive resolver asks many. */
const mostServers = 256;
const mostResolvers = 4096;
/** Of one server. */
const mostForwarders = 512;

interface Resolvers {
  /** undefined: nobody's whom we know. */
  processOf(port: number): ProcessId | undefined;
  learn(process: ProcessId, learned: Learned): void;
}

class StandIn {
  readonly #server: DnsServer;
  readonly #resolvers: Resolvers;
  readonly #socket: Socket;
  /** By the resolver's port. */
  readonly #forwarders = new Map<number, DnsForwarder>();

  constructor(server: DnsServer, resolvers: Resolvers) {
    this.#server = server;
    this.#resolvers = resolvers;
    const fd = nativeSupervisor().nameServerInside(server.address, server.port);
    this.#socket = createSocket(server.address.includes(':') ? 'udp6' : 'udp4');
    // A resolver that is gone.
    this.#socket.on('error', () => {});
    this.#socket.on('message', (datagram, from) => this.#ask(datagram, from));
    this.#socket.bind({ fd, exclusive: true });
    this.#socket.unref();
  }

  forget(port: number): void {
    this.#forwarders.get(port)?.close();
    this.#forwarders.delete(port);
  }

  close(): void {
    for (const forwarder of this.#forwarders.values()) forwarder.close();
    this.#socket.close();
  }

  #ask(datagram: Buffer, { address, port }: RemoteInfo): void {
    const process = this.#resolvers.processOf(port);
    if (process === undefined) return;
    const forwarder = this.#forwarders.get(port) ?? this.#forward(process, address, port);
    this.#forwarders.delete(port);
    this.#forwarders.set(port, forwarder);
    dropOldest(this.#forwarders, mostForwarders)?.close();
    void forwarder.ask(datagram);
  }

  #forward(process: ProcessId, address: string, port: number): DnsForwarder {
    const forwarder = new DnsForwarder(this.#server, {
      learned: (learned) => this.#resolvers.learn(process, learned),
      answered: (datagram) => this.#socket.send(datagram, port, address),
      gone: () => {
        if (this.#forwarders.get(port) === forwarder) this.#forwarders.delete(port);
      },
    });
    return forwarder;
  }
}

function dropOldest<Key, Value>(map: Map<Key, Value>, limit: number): Value | undefined {
  const [oldest] = map;
  if (map.size <= limit || oldest === undefined) return undefined;
  map.delete(oldest[0]);
  return oldest[1];
}
