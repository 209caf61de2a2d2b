import { setTimeout as pause } from 'node:timers/promises';
import type {
  Identities,
  PoolConnection,
  PoolSession,
  SessionDetails,
  StartTlsRequest,
} from '../../client/index.ts';
import { socketAddresses, socketPair } from '../engine/sockets.ts';
import type { TlsRole } from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import { formatHostAndPort } from '../tunnel/endpoint.ts';
import { ControlData } from './control-data.ts';
import { dataChannels } from './data-channel.ts';
import type { ControlAddresses, DataPlaces } from './data-transfer.ts';
import type { Dialog, Talk } from './dialog.ts';
import { DialogEnd } from './dialog-end.ts';
import { FormerConnection } from './former-connection.ts';
import { join } from './join.ts';
import { Machine } from './machine.ts';
import type { ConnectionEnds } from './proxy-protocol.ts';
import { isOfData, type Side, type Step } from './step.ts';
import { readSize, Wire } from './wire.ts';

/**
 * One connection that is to have TLS after a dialog, and the program behind it. This is the seam between whoever has
 * connections (`tunnel`, `wrap`) and the dialogs: neither knows how the other does its part.
 */
export interface PassOrder {
  readonly pool: PoolConnection;
  /** What is said before TLS: `serverDialog` or `clientDialog` of `dialogs.ts`. */
  readonly dialog: (talk: Talk) => Dialog;
  /** The connected socket on which TLS is to be spoken; taken over, whatever happens. */
  readonly fd: number;
  /** What is asked of the pool; `role` says who we are in TLS. */
  readonly request: Omit<StartTlsRequest, 'fd' | 'plain'>;
  /**
   * A plaintext socket whose other end is the program, each time a new one; it is taken over. Asked for when the dialog
   * wants to hear the program: before TLS for servers that speak first (who the peer is is not known then), else
   * after TLS and all its checks. A second time only where TLS is optional: the program gets a fresh connection for what
   * comes inside TLS, and the first one ends then.
   */
  readonly program: (facts: IntroductionFacts) => number | Promise<number>;
  /** What each connection to the program begins with; see `Introduction`. */
  readonly introduce?: ((facts: IntroductionFacts) => Buffer) | undefined;
  /** Where FTP's data connections are made; through this process if absent. */
  readonly data?: DataPlaces | undefined;
  /** ms until TLS has started; the handshake has its own limit. */
  readonly timeout: number;
  /** Ends the connection, until `passed` resolves. */
  readonly signal?: AbortSignal | undefined;
}

/** What is known of the peer when the program is connected to; `details` only inside TLS. */
export interface IntroductionFacts {
  readonly ends: ConnectionEnds;
  readonly who: Identities;
  readonly details: SessionDetails | undefined;
}

export interface Passed {
  /** undefined: TLS was optional, and the peer did not want it. */
  readonly session: PoolSession | undefined;
  /**
   * Resolves when nothing of the connection is in this process any more: at once where the pool has both sockets, at the
   * end of the connection where it passes through here.
   */
  readonly over: Promise<void>;
}

/**
 * Runs the dialog, then hands both sockets to the pool. Resolves when data may flow. @throws TlspoolError `starttls-…`
 * for what the dialog did not like, or as the pool answers; nothing stays open then.
 */
export function pass(order: PassOrder): Promise<Passed> {
  return new Passage(order).run();
}

class Passage {
  readonly #order: PassOrder;
  readonly #machine: Machine;
  readonly #until: AbortSignal;
  #peer: Wire | undefined;
  #program: Wire | undefined;
  #former: FormerConnection | undefined;
  #details: SessionDetails | undefined;
  #session: PoolSession | undefined;
  readonly #peerAddresses: ControlAddresses;
  #programAddresses: ControlAddresses = nowhere;
  readonly #data: ControlData;

  constructor(order: PassOrder) {
    this.#order = order;
    this.#data = new ControlData(order.data ?? dataChannels, order.request.role);
    const { localId, localIds, remoteId } = order.request;
    const identities = { localId: localId ?? localIds?.[0] ?? '', remoteId: remoteId ?? '' };
    this.#peer = new Wire(order.fd);
    const { local, remote } = endsOf(order.fd);
    this.#peerAddresses = { local: local.address, remote: remote.address };
    const ends = { source: remote, destination: local };
    const { introduce } = order;
    const words = () => introduce?.(this.#facts()) ?? Buffer.alloc(0);
    const introduction = introduce && { words };
    this.#machine = new Machine(order.dialog, { identities, ends, introduction });
    this.#until = this.#limited();
  }

  async run(): Promise<Passed> {
    try {
      this.#machine.begin();
      const wish = await this.#converse(this.#until);
      if (wish.wait === 'tls') await this.#secure(wish);
      const stays = this.#peer === undefined ? Promise.resolve() : this.#stay();
      const over = stays.finally(() => this.#data[Symbol.dispose]());
      return { session: this.#session, over };
    } catch (error) {
      this.#data[Symbol.dispose]();
      await this.#takeLeave();
      throw error;
    }
  }

  /** Does what the dialog wishes, as far as it takes neither TLS nor the end. */
  async #converse(until: AbortSignal) {
    for (;;) {
      await this.#tell(until);
      const { wish } = this.#machine;
      if (wish.wait === 'bytes') await this.#hear(wish, until);
      else if (wish.wait === 'program') await this.#contact();
      else if (wish.wait === 'clear') await this.#askClear();
      else if (wish.wait === 'data') this.#openData(wish);
      else if (isOfData(wish)) {
        this.#data.step(wish);
        this.#machine.done();
      } else return wish;
    }
  }

  async #tell(until: AbortSignal): Promise<void> {
    for (const side of ['program', 'peer'] as const) {
      const wire = this.#wire(side);
      const told = wire && this.#machine.toldTo(side);
      if (told) await wire.send(told, until);
      if (wire && this.#machine.finishedTo(side)) wire.finish();
    }
  }

  async #hear({ sides, look }: Step & { wait: 'bytes' }, until: AbortSignal): Promise<void> {
    for (const side of sides) {
      if (!this.#hearNow(side)) continue;
      // What was only looked at is still there, and would wake us at once.
      if (look && this.#machine.wish.wait === 'bytes') await pause(glance);
      return;
    }
    const others = new AbortController();
    const either = AbortSignal.any([until, others.signal]);
    try {
      const waits = sides.map((side) => this.#wire(side)?.readable(either));
      // The one that is given up must not count as unheard.
      for (const wait of waits) wait?.catch(() => undefined);
      await Promise.race(waits);
    } finally {
      others.abort();
    }
  }

  /** Whether there was anything to hear. */
  #hearNow(side: Side): boolean {
    const wire = this.#wire(side);
    const bytes = wire?.peek(readSize);
    if (!wire || bytes === undefined) return false;
    if (side === 'program') this.#former?.close();
    if (bytes.length === 0) this.#machine.ended(side);
    else wire.drop(this.#machine.hear(side, bytes));
    return true;
  }

  #facts(): IntroductionFacts {
    const { ends, identities } = this.#machine;
    return { ends, who: { ...identities }, details: this.#details };
  }

  async #contact(): Promise<void> {
    this.#former?.close();
    this.#former = this.#program && new FormerConnection(this.#program);
    this.#program = undefined;
    const fd = await this.#order.program(this.#facts());
    this.#program = new Wire(fd);
    this.#former?.closeSoon();
    const { local, remote } = endsOf(fd);
    this.#programAddresses = { local: local.address, remote: remote.address };
    this.#machine.done();
  }

  /** The pool decides, by the rules for those who prove nothing. Without its word nobody stays in the clear. */
  async #askClear(): Promise<void> {
    const { pool, request } = this.#order;
    const { localIds, localId, service = '', process } = request;
    const { address: host, port } = this.#machine.ends.source;
    const clientAddress = host === '' ? '' : formatHostAndPort({ host, port });
    const ids = localId === undefined ? (localIds ?? []) : [localId];
    try {
      await pool.admitClear({ localIds: ids, service, clientAddress, process });
      this.#machine.clear = true;
    } catch (error) {
      if (!(error instanceof TlspoolError) || error.code !== closedToNobody) throw error;
      this.#machine.clear = false;
    }
    this.#machine.done();
  }

  #openData({ by, port }: Step & { wait: 'data' }): void {
    const { pool, request } = this.#order;
    const { identities } = this.#machine;
    const control = { peer: this.#peerAddresses, program: this.#programAddresses };
    const { address, port: at } = this.#data.open({ pool, request, identities, by, port, control });
    Object.assign(this.#machine.data, { address, port: at });
    this.#machine.done();
  }

  async #secure({ requireAlpn, bindsData }: Step & { wait: 'tls' }): Promise<void> {
    const fd = this.#peer?.release() ?? -1;
    this.#peer = undefined;
    const { source } = this.#machine.ends;
    const { request } = this.#order;
    // What a PROXY header said is not what the socket tells.
    const clientAddress =
      request.role === 'server' && source.address !== this.#peerAddresses.remote
        ? formatHostAndPort({ host: source.address, port: source.port })
        : request.clientAddress;
    this.#session = await this.#order.pool.startTls({
      ...request,
      ...(bindsData && this.#data.bind()),
      clientAddress,
      fd,
      plain: async (who, details) => {
        if (requireAlpn !== undefined && details?.alpn !== requireAlpn) {
          throw new DialogEnd('starttls-alpn', `TLS without a dialog needs ALPN ${requireAlpn}`);
        }
        this.#details = details;
        Object.assign(this.#machine.identities, { localId: who.localId, remoteId: who.remoteId });
        this.#machine.done();
        return this.#plainSocket();
      },
    });
  }

  /** What the pool gets: the program's socket, or one whose other end is here. */
  async #plainSocket(): Promise<number> {
    const wish = await this.#converse(this.#limited());
    const program = this.#program;
    if (wish.wait === 'leave' && program) {
      this.#program = undefined;
      return program.release();
    }
    if (wish.wait !== 'inside') throw new TlspoolError('internal', `${wish.wait} without TLS`);
    const [ours, pools] = socketPair();
    this.#peer = new Wire(ours);
    return pools;
  }

  /** The dialog goes on, between the program and what comes out of TLS; without end, so without limit. */
  async #stay(): Promise<void> {
    try {
      const forever = new AbortController().signal;
      if (this.#machine.wish.wait === 'inside') this.#machine.done();
      await this.#converse(forever);
      await this.#join();
    } catch (error) {
      await this.#takeLeave();
      if (!(error instanceof DialogEnd && error.code === 'starttls-ended')) throw error;
    }
  }

  /** What comes from either side goes to the other. */
  async #join(): Promise<void> {
    const [peer, program] = [this.#peer, this.#program];
    if (!peer || !program) throw new TlspoolError('internal', 'there are no two sides to join');
    this.#peer = this.#program = undefined;
    await join(
      { fd: peer.release(), said: this.#machine.unreadOf('peer') },
      { fd: program.release(), said: this.#machine.unreadOf('program') },
    );
  }

  #limited(): AbortSignal {
    const { timeout, request, signal } = this.#order;
    const controller = new AbortController();
    setTimeout(() => controller.abort(late(request.role, timeout)), timeout).unref();
    return signal ? AbortSignal.any([controller.signal, signal]) : controller.signal;
  }

  #wire(side: Side): Wire | undefined {
    return side === 'peer' ? this.#peer : this.#program;
  }

  /** Says what the dialog wants to be said last, and closes everything. */
  async #takeLeave(): Promise<void> {
    const until = AbortSignal.timeout(leaveTimeout);
    try {
      await this.#tell(until);
      await this.#peer?.leave(until);
    } catch {
      // They would not hear.
    } finally {
      this.#peer?.close();
      this.#program?.close();
      this.#former?.close();
    }
  }
}

/** The pool's refusal, by its error number. */
const closedToNobody = 'EACCES';
/** ms for our last words. */
const leaveTimeout = 1_000;
/** ms between looks at what is there, where not enough is. */
const glance = 10;

/** Of what is no TCP connection, such as one end of a pair of sockets: it can be reached here at most. */
const here = { address: '127.0.0.1', port: 0 };
const nowhere: ControlAddresses = { local: here.address, remote: here.address };

function endsOf(fd: number) {
  const { family, local, remote } = socketAddresses(fd);
  if (family === 'unix' || !local || !remote) return { local: here, remote: here };
  return { local, remote };
}

function late(role: TlsRole, timeout: number): DialogEnd {
  const within = `within ${timeout / 1000} s`;
  return role === 'server'
    ? new DialogEnd('starttls-timeout', `TLS was not asked for ${within}`)
    : new DialogEnd(
        'starttls-timeout',
        `the server did not come to TLS ${within}`,
        'Does it speak that protocol there, in the clear at first?',
      );
}
