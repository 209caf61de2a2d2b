import { closeFd, nextPacket, sniffDns, type Watch, watch } from '../../engine/sockets.ts';
import { TlspoolError } from '../../errors.ts';
import { type Learned, learnFrom } from './answer.ts';
import { type Conversation, Exchanges } from './exchanges.ts';
import type { ProcessId } from './name-table.ts';
import { parseUdpPacket, type UdpPacket } from './udp-packet.ts';

/** A UDP socket that a process of the tree resolves names with. */
export interface ResolverSocket {
  readonly process: ProcessId;
  /** Whether it is still open; asked when it was told of longer than `freshness` ago. */
  readonly isOpen: () => boolean;
}

/**
 * Learns names by looking at the machine's DNS packets, which needs CAP_NET_RAW and leaves the program's resolver
 * alone: whatever library it uses, answers come from where it expects them. Only questions that leave from sockets of
 * the tree count: what others on the machine ask must not say whom the program means.
 */
export class DnsSniffer {
  readonly #fd: number;
  readonly #watch: Watch;
  readonly #learn: (process: ProcessId, learned: Learned) => void;
  readonly #exchanges = new Exchanges();
  /** By the port that they are bound to. */
  readonly #sockets = new Map<number, ResolverSocket & { readonly since: number }>();
  readonly #buffer = Buffer.alloc(largestPacket);

  /** undefined if this process may not see packets. */
  static open(learn: (process: ProcessId, learned: Learned) => void): DnsSniffer | undefined {
    try {
      return new DnsSniffer(sniffDns(), learn);
    } catch (error) {
      if (error instanceof TlspoolError && refusals.has(error.code)) return undefined;
      throw error;
    }
  }

  private constructor(fd: number, learn: (process: ProcessId, learned: Learned) => void) {
    this.#fd = fd;
    this.#learn = learn;
    this.#watch = watch(fd, { readable: true }, () => this.drain());
    this.#watch.unref();
  }

  /** From now on questions that leave from this port are the process's. */
  expect(port: number, socket: ResolverSocket): void {
    this.#sockets.delete(port);
    this.#sockets.set(port, { ...socket, since: Date.now() });
    const oldest = this.#sockets.keys().next();
    if (this.#sockets.size > mostSockets && !oldest.done) this.#sockets.delete(oldest.value);
  }

  /**
   * Takes in what has come. Whatever answer a process has read by now is among it: the kernel shows packets here
   * before it delivers them.
   */
  drain(): void {
    for (;;) {
      const bytes = nextPacket(this.#fd, this.#buffer);
      if (bytes === undefined) return;
      const packet = parseUdpPacket(this.#buffer.subarray(0, bytes));
      if (packet) this.#take(packet);
    }
  }

  close(): void {
    this.#watch.close();
    closeFd(this.#fd);
  }

  #take(packet: UdpPacket): void {
    const { source, destination, data } = packet;
    if (destination.port === dnsPort && this.#ownerOf(source.port) !== undefined) {
      this.#exchanges.asked(conversationOf(packet), data);
    }
    if (source.port !== dnsPort) return;
    const back = { source: destination, destination: source };
    const message = this.#exchanges.answered(conversationOf(back), data);
    const process = message && this.#sockets.get(destination.port)?.process;
    if (message && process !== undefined) this.#learn(process, learnFrom(message));
  }

  #ownerOf(port: number): ProcessId | undefined {
    const socket = this.#sockets.get(port);
    if (socket === undefined) return undefined;
    // The port may be somebody else's by now. A question is seen at once, but the socket may be gone even so.
    if (Date.now() - socket.since < freshness || socket.isOpen()) return socket.process;
    this.#sockets.delete(port);
    return undefined;
  }
}

const dnsPort = 53;
const largestPacket = 65_536;
const mostSockets = 4096;
/** ms */
const freshness = 5_000;

const refusals: ReadonlySet<string> = new Set(['EPERM', 'EACCES', 'EAFNOSUPPORT']);

function conversationOf({ source, destination }: Omit<UdpPacket, 'data'>): Conversation {
  return `${source.address} ${source.port} ${destination.address}`;
}
