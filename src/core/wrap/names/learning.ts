import { closeFd, socketAddresses } from '../../engine/sockets.ts';
import { bindSocket, connectSocket, fetchSocket, processOf } from '../client/gate.ts';
import type { SocketAnswer, SocketQuestion } from '../supervisor/traps.ts';
import type { DnsName } from './dns-message.ts';
import { DnsForwarder } from './forwarder.ts';
import { hostsNamesOf } from './hosts-file.ts';
import { lineageOf } from './lineage.ts';
import { NameTable, type ProcessId } from './name-table.ts';
import { DnsSniffer } from './sniffer.ts';

/**
 * Learns what names the wrapped processes ask for. With the right to see packets their resolvers are left alone; else
 * those that connect to their name server are led through a forwarder.
 */
export class NameLearning {
  readonly #table = new NameTable();
  readonly #sniffer: DnsSniffer | undefined;
  readonly #forwarders = new Set<DnsForwarder>();
  readonly #root: ProcessId;

  /** @param root the process above the wrapped ones */
  constructor(root: ProcessId, { sniff = true }: { readonly sniff?: boolean } = {}) {
    this.#root = root;
    this.#sniffer = sniff
      ? DnsSniffer.open((process, learned) => this.#table.learn(process, learned))
      : undefined;
  }

  /** How names are learned, for who is told. */
  get by(): 'sniffer' | 'forwarder' {
    return this.#sniffer ? 'sniffer' : 'forwarder';
  }

  /** Whom a connection of the process may be meant for, most likely first. */
  namesOf(process: ProcessId, address: string, port: number): readonly DnsName[] {
    this.#sniffer?.drain();
    const asked = this.#table.namesOf(lineageOf(process, this.#root), address, port);
    return [...new Set([...asked, ...hostsNamesOf(process, address)])];
  }

  /** A UDP socket is being connected to a name server. */
  async resolve(question: SocketQuestion): Promise<SocketAnswer> {
    try {
      if (question.elsewhere) return { action: 'proceed' };
      return this.#sniffer
        ? this.#watchOver(question, connectSocket)
        : await this.#forward(question);
    } finally {
      closeFd(question.fd);
    }
  }

  /** A UDP socket gets its port. */
  bind(question: SocketQuestion): SocketAnswer {
    try {
      if (question.elsewhere || !this.#sniffer) return { action: 'proceed' };
      return this.#watchOver(question, bindSocket);
    } finally {
      closeFd(question.fd);
    }
  }

  close(): void {
    this.#sniffer?.close();
    for (const forwarder of this.#forwarders) forwarder.close();
  }

  /** Done here, so that the port is known before the first question leaves from it. */
  #watchOver(
    { fd, destination, thread, descriptor, cookie }: SocketQuestion,
    act: typeof connectSocket,
  ): SocketAnswer {
    const errno = act(fd, destination);
    if (errno !== 0) return { action: 'fail', errno };
    const process = processOf(thread);
    this.#sniffer?.expect(socketAddresses(fd).local?.port ?? 0, {
      process,
      isOpen: () => isOpen(process, descriptor, cookie),
    });
    return { action: 'finish' };
  }

  async #forward(question: SocketQuestion): Promise<SocketAnswer> {
    const family = question.ipv6 ? 'ipv6' : 'ipv4';
    const process = processOf(question.thread);
    let forwarder: DnsForwarder;
    try {
      forwarder = await DnsForwarder.open(
        { address: question.address, port: question.port, family },
        (learned) => this.#table.learn(process, learned),
        () => this.#forwarders.delete(forwarder),
      );
    } catch (error) {
      const { errno } = error as NodeJS.ErrnoException;
      if (errno === undefined) throw error;
      return { action: 'fail', errno: Math.abs(errno) };
    }
    this.#forwarders.add(forwarder);
    this.#bound();
    const errno = connectSocket(question.fd, loopback(family, forwarder.port));
    if (errno !== 0) {
      forwarder.close();
      return { action: 'fail', errno };
    }
    const { local } = socketAddresses(question.fd);
    if (local) forwarder.serve(local.address, local.port);
    return { action: 'finish' };
  }

  /** Resolvers that are never done: the one that was there first goes. */
  #bound(): void {
    const [oldest] = this.#forwarders;
    if (this.#forwarders.size > mostForwarders) oldest?.close();
  }
}

const mostForwarders = 512;

function isOpen(process: ProcessId, descriptor: number, cookie: bigint): boolean {
  const fd = fetchSocket(process, descriptor, cookie);
  if (fd === undefined) return false;
  closeFd(fd);
  return true;
}

/** A sockaddr_in or sockaddr_in6 of this machine's loopback: ip(7), ipv6(7). */
function loopback(family: 'ipv4' | 'ipv6', port: number): Buffer {
  const bytes = Buffer.alloc(family === 'ipv4' ? 16 : 28);
  new Uint16Array(bytes.buffer, bytes.byteOffset, 1)[0] = family === 'ipv4' ? 2 : 10;
  bytes.writeUInt16BE(port, 2);
  if (family === 'ipv4') bytes.set([127, 0, 0, 1], 4);
  else bytes[23] = 1;
  return bytes;
}
