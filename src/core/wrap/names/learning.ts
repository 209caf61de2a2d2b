import { closeFd, socketAddresses } from '../../engine/sockets.ts';
import { bindSocket, connectSocket, fetchSocket } from '../client/gate.ts';
import { nativeSupervisor } from '../supervisor/native.ts';
import type { SocketAnswer, SocketQuestion } from '../supervisor/traps.ts';
import type { DnsName } from './dns-message.ts';
import { canonicalAddress, hostsNamesOf } from './hosts-file.ts';
import { lineageOf } from './lineage.ts';
import { NameServers } from './name-servers.ts';
import { NameTable, type ProcessId } from './name-table.ts';
import { DnsSniffer } from './sniffer.ts';

/**
 * Learns what names the wrapped processes ask for. With the right to see packets their resolvers are left alone; else
 * they ask their name servers through us.
 */
export class NameLearning {
  readonly #table = new NameTable();
  readonly #sniffer: DnsSniffer | undefined;
  readonly #servers: NameServers | undefined;
  readonly #root: ProcessId;

  /** @param root the process above the wrapped ones */
  constructor(root: ProcessId, { sniff = true }: { readonly sniff?: boolean } = {}) {
    this.#root = root;
    const learn = this.#table.learn.bind(this.#table);
    this.#sniffer = sniff ? DnsSniffer.open(learn) : undefined;
    this.#servers = this.#sniffer ? undefined : new NameServers(learn);
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

  /** A UDP socket is being connected to a name server, or is to send to it without. */
  resolve(question: SocketQuestion): SocketAnswer {
    try {
      if (this.#servers) return this.#leadInside(question, this.#servers);
      if (question.elsewhere) return { action: 'proceed' };
      return this.#watchOver(question, connectSocket);
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
    this.#servers?.[Symbol.dispose]();
  }

  /** Done here, so that the port is known before the first question leaves from it. */
  #watchOver(
    { fd, destination, process, descriptor, cookie }: SocketQuestion,
    act: typeof connectSocket,
  ): SocketAnswer {
    const errno = act(fd, destination);
    if (errno !== 0) return { action: 'fail', errno };
    this.#sniffer?.expect(socketAddresses(fd).local?.port ?? 0, {
      process,
      isOpen: () => isOpen(process, descriptor, cookie),
    });
    return { action: 'finish' };
  }

  /** The resolver goes on with a socket in the private network, where the server has a stand-in. */
  #leadInside(question: SocketQuestion, servers: NameServers): SocketAnswer {
    const { fd, inside, sends, elsewhere, destination, process, port } = question;
    if (elsewhere && !inside) return { action: 'proceed' };
    // Without connect(), the kernel would look for its interface in the private network.
    if (sends && scopeOf(destination) !== 0) return { action: 'proceed' };
    // Whether there is a way to the server is known here only.
    const errno = inside || sends ? 0 : connectSocket(fd, destination);
    if (errno !== 0) return { action: 'fail', errno };
    try {
      servers.standInFor({ address: serverAddress(question.address), port });
      if (inside) return sends ? { action: 'proceed' } : connectInside(fd, destination);
      const resolver = nativeSupervisor().datagramInside(fd);
      const { local } = socketAddresses(resolver.fd);
      if (local) servers.expect(local, process);
      return { action: 'substitute', fd: resolver.fd };
    } catch (error) {
      // Such as no IPv6 in there. The names are not known then, and connections refused.
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      return { action: 'proceed' };
    }
  }
}

/** The unspecified address leads to loopback (connect(2) on Linux). */
function serverAddress(address: string): string {
  const canonical = canonicalAddress(address) ?? address;
  if (canonical === '0.0.0.0') return '127.0.0.1';
  return canonical === '::' ? '::1' : canonical;
}

function connectInside(fd: number, destination: Buffer): SocketAnswer {
  const address = Buffer.from(destination);
  // Of its own interfaces there is only one: loopback.
  if (scopeOf(address) !== 0) scopeView(address)[0] = 1;
  const errno = connectSocket(fd, address);
  return errno === 0 ? { action: 'finish' } : { action: 'fail', errno };
}

/** sin6_scope_id (ipv6(7)); 0 where there is none. */
function scopeOf(address: Buffer): number {
  return address.length < lengthOfIpv6 ? 0 : (scopeView(address)[0] ?? 0);
}

function scopeView(address: Buffer): Uint32Array {
  return new Uint32Array(address.buffer, address.byteOffset + 24, 1);
}

/** bytes of a sockaddr_in6 */
const lengthOfIpv6 = 28;

function isOpen(process: ProcessId, descriptor: number, cookie: bigint): boolean {
  const fd = fetchSocket(process, descriptor, cookie);
  if (fd === undefined) return false;
  closeFd(fd);
  return true;
}
