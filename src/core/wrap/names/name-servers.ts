import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { nativeSupervisor } from '../supervisor/native.ts';
import type { Learned } from './answer.ts';
import { DnsForwarder, type DnsServer } from './forwarder.ts';
import type { ProcessId } from './name-table.ts';

/**
 * The name servers of resolvers, where packets cannot be seen otherwise: they have stand-ins in the private network, at
 * their own addresses, which resolvers ask from sockets in there. So answers come from where each library expects them.
 */
export class NameServers implements Disposable {
  readonly #learn: (process: ProcessId, learned: Learned) => void;
  readonly #mostForwarders: number;
  /** By address and port. */
  readonly #standIns = new Map<string, Socket>();
  /** By the address and port that they are bound to. */
  readonly #resolvers = new Map<string, Resolver>();
  /** By server, and the resolver's end of the conversation. */
  readonly #forwarders = new Map<string, Forwarding>();

  /** @param bounds `forwarders`: sockets towards servers at once; the one that was used longest ago goes first */
  constructor(
    learn: (process: ProcessId, learned: Learned) => void,
    { forwarders = 1024 }: { readonly forwarders?: number } = {},
  ) {
    this.#learn = learn;
    this.#mostForwarders = forwarders;
  }

  /** The socket of the private network that is bound there is one of the process's from now on, and no other's. */
  expect(end: SocketEnd, process: ProcessId): void {
    const known = this.#resolvers.get(keyOf(end));
    for (const [key, { resolver }] of this.#forwarders) if (resolver === known) this.#forget(key);
    putLast(this.#resolvers, keyOf(end), { process });
    dropOldest(this.#resolvers, mostResolvers);
  }

  /** A server is about to be asked. Fails as bind() does, such as where the private network has no IPv6. */
  standInFor(server: DnsServer): void {
    const key = keyOf(server);
    putLast(this.#standIns, key, this.#standIns.get(key) ?? this.#open(server));
    dropOldest(this.#standIns, mostServers)?.close();
  }

  [Symbol.dispose](): void {
    for (const standIn of this.#standIns.values()) standIn.close();
    this.#standIns.clear();
    for (const key of this.#forwarders.keys()) this.#forget(key);
  }

  #open(server: DnsServer): Socket {
    const fd = nativeSupervisor().nameServerInside(server.address, server.port);
    const standIn = createSocket(server.address.includes(':') ? 'udp6' : 'udp4');
    // A resolver that is gone.
    standIn.on('error', () => {});
    standIn.on('message', (datagram, from) => this.#ask(server, datagram, from));
    standIn.bind({ fd, exclusive: true });
    return standIn.unref();
  }

  #ask(server: DnsServer, datagram: Buffer, from: RemoteInfo): void {
    const resolver = this.#resolverAt(from);
    if (!resolver) return;
    const key = `${keyOf(server)} ${keyOf(from)}`;
    // Bound elsewhere, or nowhere, another socket may have had this end of it.
    if (this.#forwarders.get(key)?.resolver !== resolver) this.#forget(key);
    const forwarding = this.#forwarders.get(key) ?? this.#forward(key, server, resolver, from);
    putLast(this.#forwarders, key, forwarding);
    dropOldest(this.#forwarders, this.#mostForwarders)?.forwarder.close();
    void forwarding.forwarder.ask(datagram);
  }

  #forward(key: string, server: DnsServer, resolver: Resolver, from: RemoteInfo): Forwarding {
    const forwarder = new DnsForwarder(server, {
      learned: (learned) => this.#learn(resolver.process, learned),
      answered: (datagram) =>
        this.#standIns.get(keyOf(server))?.send(datagram, from.port, from.address),
      gone: () => {
        if (this.#forwarders.get(key)?.forwarder === forwarder) this.#forwarders.delete(key);
      },
    });
    return { forwarder, resolver };
  }

  /** Whose socket sent from there; one that is bound to no address sends from any, and one of IPv6 perhaps over IPv4. */
  #resolverAt({ address, port }: SocketEnd): Resolver | undefined {
    const bound = [
      address,
      ...(address.includes(':') ? ['::'] : ['0.0.0.0', `::ffff:${address}`, '::']),
    ];
    return bound.map((each) => this.#resolvers.get(keyOf({ address: each, port }))).find(Boolean);
  }

  #forget(key: string): void {
    this.#forwarders.get(key)?.forwarder.close();
    this.#forwarders.delete(key);
  }
}

/** An address and port of a socket. */
export type SocketEnd = Pick<DnsServer, 'address' | 'port'>;

interface Resolver {
  readonly process: ProcessId;
}

interface Forwarding {
  readonly forwarder: DnsForwarder;
  readonly resolver: Resolver;
}

/** Most programs ask one or two; a recursive resolver asks many. */
const mostServers = 256;
const mostResolvers = 4096;

/** Without a scope: the private network has an interface of its own. */
function keyOf({ address, port }: SocketEnd): string {
  return `${address.split('%')[0]} ${port}`;
}

function putLast<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.delete(key);
  map.set(key, value);
}

function dropOldest<Key, Value>(map: Map<Key, Value>, limit: number): Value | undefined {
  const [oldest] = map;
  if (map.size <= limit || oldest === undefined) return undefined;
  map.delete(oldest[0]);
  return oldest[1];
}
