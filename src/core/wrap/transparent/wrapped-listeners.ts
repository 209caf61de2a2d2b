import { constants } from 'node:os';
import type { Courier, CourierIntake } from '../../courier/courier.ts';
import { TlspoolError } from '../../errors.ts';
import type { ClaimedProcess } from '../../protocol/extension.ts';
import { isFtp } from '../../starttls/ftp.ts';
import { dialogOf, serverCarrier, serverRequest } from '../../tunnel/carriers.ts';
import { formatHostAndPort } from '../../tunnel/endpoint.ts';
import { Intake, type IntakeEvents } from '../../tunnel/intake.ts';
import type { PoolLink } from '../../tunnel/pool-link.ts';
import type { ServerTerms } from '../../tunnel/terms.ts';
import { listeningProcess } from '../asking-process.ts';
import type { ProgramData } from '../data/program-data.ts';
import type { PortMeaning } from '../port-meaning.ts';
import { nativeSupervisor } from '../supervisor/native.ts';
import type { ListenAnswer, ListeningNotice, ListenQuestion } from '../supervisor/traps.ts';
import type { ListenerPolicy } from './listener-policy.ts';
import { watchLostListeners } from './lost-listeners.ts';
import { reachProgram } from './program-side.ts';

export interface WrappedListenersOptions {
  readonly link: PoolLink;
  /** Takes clients to the pool where nothing is said before TLS; undefined: this process does itself. */
  readonly courier?: Courier | undefined;
  readonly policy: ListenerPolicy;
  /** Data connections of FTP. */
  readonly data: ProgramData;
  /** Names the identity where the terms do not; fails where it would have to guess. */
  readonly withIdentity: (terms: ServerTerms) => Promise<ServerTerms>;
  /** Handshakes at once, for each listener. */
  readonly limit: number;
  readonly events: ListenerEvents;
}

export interface ListenerEvents {
  /** `terms` are undefined for a plain port. */
  listening(address: string, meaning: PortMeaning, terms: ServerTerms | undefined): void;
  /** A connection came to nothing. */
  lost(error: TlspoolError): void;
  /** The program may not listen so, and there is no sense in going on. */
  failed(error: TlspoolError): void;
}

/** The listeners of a supervised program: decides about them, and brings their connections to the pool. */
export class WrappedListeners implements Disposable {
  readonly #options: WrappedListenersOptions;
  readonly #expected = new Map<number, ListenerPlan | DataPlan>();
  /** By the SO_COOKIE of the program's own. */
  readonly #open = new Map<number, WrappedListener>();
  readonly #lost: Disposable;
  #last = 0;

  constructor(options: WrappedListenersOptions) {
    this.#options = options;
    this.#lost = watchLostListeners(
      (cookie) => this.#close(cookie),
      () => this.vacate(),
    );
  }

  /** Answers the supervisor. */
  async listen({ address, port, pid, owner }: ListenQuestion): Promise<ListenAnswer> {
    // A process that was started again in the place of another wants the port that the other had.
    this.vacate();
    const { policy, events, data } = this.#options;
    const where = formatHostAndPort({ host: address, port });
    if (data.listeners.awaited && !policy.speaksOf(port)) {
      const process = listeningProcess(pid, owner, port);
      const listener = ++this.#last;
      this.#expected.set(listener, { where, port, process, forData: true });
      return { action: 'wrap', listener };
    }
    const meaning = policy.meaning(port);
    try {
      const terms = await this.agree(port);
      if (!terms) {
        events.listening(where, meaning, undefined);
        return { action: 'plain' };
      }
      const process = listeningProcess(pid, owner, port);
      await this.#judge(process, terms);
      const listener = ++this.#last;
      this.#expected.set(listener, { where, meaning, terms: { ...terms, process } });
      return { action: 'wrap', listener };
    } catch (error) {
      if (!(error instanceof TlspoolError)) throw error;
      events.failed(cannotListen(where, error));
      return { action: 'deny', errno: constants.errno.EACCES };
    }
  }

  /** May the program act as what it is to show? While the daemon is away nobody knows; it is asked again by each client. */
  async #judge(process: ClaimedProcess | undefined, terms: ServerTerms): Promise<void> {
    // For ourselves, each client asks.
    if (!process) return;
    const courier = this.#courierFor(terms);
    // Where clients are brought to, that connection is to know of it.
    const pool = courier?.isOpen === false ? undefined : (courier ?? this.#options.link.pool);
    await pool?.judge({ process, role: 'server', localIds: terms.localIds });
  }

  /** On what terms TLS is spoken at a port; undefined: on none. @throws TlspoolError where it cannot be */
  async agree(port: number): Promise<ServerTerms | undefined> {
    const agreed = this.#options.policy.terms(port);
    return agreed.kind === 'plain' ? undefined : this.#options.withIdentity(agreed.terms);
  }

  /** The supervisor did not need, or could not do, as it was answered. */
  forgone(listener: number): void {
    this.#expected.delete(listener);
  }

  /** The supervisor did as it was answered. */
  listening({ listener, fd, cookie }: ListeningNotice): void {
    const expected = this.#expected.get(listener);
    this.#expected.delete(listener);
    if (!expected) throw new Error(`nobody expects listener ${listener}`);
    if (!('forData' in expected)) this.take(fd, cookie, expected);
    else {
      const take = () => void this.#takeUnlessNamed(cookie, expected);
      this.#options.data.listeners.add(fd, cookie, take);
      if (!nativeSupervisor().listensInside(fd)) this.#close(cookie);
      setTimeout(take, namePatience).unref();
    }
  }

  /** Another program of the tree has begun to listen while FTP was about data: no control connection named the listener. */
  async #takeUnlessNamed(cookie: number, { where, port, process }: DataPlan): Promise<void> {
    const { data, events, policy } = this.#options;
    if (!data.listeners.isUnnamed(cookie)) return;
    try {
      const terms = await this.agree(port);
      // Plain is only what flags say so, and nothing that they speak of is taken for data.
      if (!terms) return;
      const fd = data.listeners.giveBack(cookie);
      // Whether the program may is asked by each client.
      const plan = { where, meaning: policy.meaning(port), terms: { ...terms, process } };
      if (fd !== undefined) this.take(fd, cookie, plan);
    } catch (error) {
      if (!(error instanceof TlspoolError)) throw error;
      // Too late to fail its listen(): clients are refused.
      events.lost(cannotListen(where, error));
      this.#close(cookie);
    }
  }

  /** @param fd where clients come to, taken over; `cookie` is that of the program's listener */
  take(fd: number, cookie: number, { where, meaning, terms }: ListenerPlan): void {
    const { events } = this.#options;
    const intake = this.#intakeFor(fd, terms, { lost: events.lost, failed: events.failed });
    this.#open.set(cookie, { fd, intake });
    events.listening(where, meaning, terms);
    // The program may have closed it before we began to watch.
    if (!nativeSupervisor().listensInside(fd)) this.#close(cookie);
  }

  #intakeFor(fd: number, terms: ServerTerms, events: IntakeEvents): Intake | CourierIntake {
    const { link, limit, data } = this.#options;
    const courier = this.#courierFor(terms);
    if (courier) {
      return courier.serve({ listeners: [fd], ask: serverRequest(terms), limit, events });
    }
    const isForFtp = terms.startTls !== undefined && isFtp(terms.startTls.protocol);
    const carry = serverCarrier(terms, reachProgram, isForFtp ? data : undefined);
    return new Intake({ listeners: [fd], link, carry, limit, events });
  }

  /** undefined where something is said before TLS. */
  #courierFor(terms: ServerTerms): Courier | undefined {
    return dialogOf(terms) ? undefined : this.#options.courier;
  }

  /** Closes what the program does not listen on any more. */
  vacate(): void {
    const native = nativeSupervisor();
    const open = [...this.#open].map(([cookie, { fd }]) => [cookie, fd] as const);
    for (const [cookie, fd] of [...open, ...this.#options.data.listeners.all]) {
      if (!native.listensInside(fd)) this.#close(cookie);
    }
  }

  [Symbol.dispose](): void {
    this.#lost[Symbol.dispose]();
    const forData = this.#options.data.listeners.all.map(([cookie]) => cookie);
    for (const cookie of [...this.#open.keys(), ...forData]) this.#close(cookie);
  }

  #close(cookie: number): void {
    const { listeners } = this.#options.data;
    const forData = listeners.fdOf(cookie);
    if (forData !== undefined) {
      leavePort(forData, () => listeners.close(cookie));
      return;
    }
    const listener = this.#open.get(cookie);
    if (!listener) return;
    this.#open.delete(cookie);
    leavePort(listener.fd, () => void listener.intake.close());
  }
}

/** ms from a listener to what names it, or ends the waiting for that: both come at once, unless a program never answers. */
const namePatience = 60_000;

/** The listener is to be one for FTP's data, it seems. */
interface DataPlan {
  readonly forData: true;
  readonly where: string;
  readonly port: number;
  readonly process: ClaimedProcess | undefined;
}

/** A listener, and how its connections come to the program. */
export interface ListenerPlan {
  readonly where: string;
  readonly meaning: PortMeaning;
  readonly terms: ServerTerms;
}

interface WrappedListener {
  readonly fd: number;
  readonly intake: Intake | CourierIntake;
}

/** The program may want the port again at any moment: it is known as ours until nothing of ours is there. */
function leavePort(listener: number, close: () => void): void {
  const native = nativeSupervisor();
  const port = native.listenerGone(listener);
  close();
  native.portVacated(port);
}

function cannotListen(where: string, { code, message, hint, cause }: TlspoolError): TlspoolError {
  return new TlspoolError(code, `the program may not listen at ${where}: ${message}`, {
    hint,
    cause,
  });
}
