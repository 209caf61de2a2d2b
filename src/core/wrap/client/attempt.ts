import { closeFd, shutdownFd, socketError } from '../../engine/sockets.ts';
import { TlspoolError } from '../../errors.ts';
import type { SocketAnswer, SocketQuestion } from '../supervisor/traps.ts';
import { errnos } from './errnos.ts';
import { established } from './established.ts';
import {
  type AddressBytes,
  fetchSocket,
  type Gate,
  outgoing,
  type ProgramSocket,
  putBack,
  type SetAside,
  type SocketCookie,
  type Wait,
} from './gate.ts';
import type { SignalWatch } from './signal-watch.ts';

/** Why an attempt could not begin; the program gets the errno. */
export interface NotStarted {
  readonly errno: number;
  /** What was being done, such as `SO_MARK`; `connect` for what a plain connect() would have met too. */
  readonly step: string;
}

/** A socket of the program that waits at a gate, and the one to the real server. */
export interface Place extends ProgramSocket, SetAside {
  readonly upstream: number;
  readonly connected: boolean;
  readonly gate: number;
  readonly waiting: AddressBytes;
}

/**
 * One connect() of the program, from its socket beginning to wait at the gate until it is connected to the pool's
 * plaintext, or failed. No duplicate of the socket is kept meanwhile: the program's close() must be one.
 */
export class Attempt {
  readonly cookie: SocketCookie;
  /** Connecting to the real server; whoever takes it closes it. */
  readonly upstream: number;
  /** It was so at once. */
  readonly connected: boolean;
  readonly #gate: Gate;
  /** As the thread has it that called first. */
  readonly #socket: ProgramSocket;
  readonly #process: number;
  readonly #waiting: AddressBytes;
  readonly #aside: SetAside;
  /** Calls of the program that last as long as the attempt. */
  readonly #callers = new Set<(answer: SocketAnswer) => void>();
  #over: AbortController | undefined;
  #abandoned: (() => void) | undefined;
  #dissolved = false;

  /** Takes nothing over: `question.fd` stays the caller's. */
  static start(question: SocketQuestion, gate: Gate): Attempt | NotStarted {
    const wait = gate.wait(question.fd, question.cookie, question.destination);
    if (wait.upstream === undefined) return { errno: wait.error, step: wait.step };
    return new Attempt(question, gate, wait);
  }

  private constructor(question: SocketQuestion, gate: Gate, wait: Wait) {
    this.cookie = question.cookie;
    this.upstream = wait.upstream;
    this.connected = wait.connected;
    this.#gate = gate;
    this.#socket = question;
    this.#process = question.process;
    this.#waiting = wait.waiting;
    this.#aside = wait;
  }

  /** The thread that called first; for who needs to know the program. */
  get process(): number {
    return this.#process;
  }

  /**
   * The answer to a connect() on this socket, now or when the outcome is known. A blocking call that a signal
   * interrupts comes again, if the program's handler wants that, and waits again.
   */
  answer(
    { blocking, patience: limit, thread }: SocketQuestion,
    nonBlocking: 'EINPROGRESS' | 'EALREADY',
    signals: SignalWatch,
  ): SocketAnswer | Promise<SocketAnswer> {
    if (!blocking) return { action: 'fail', errno: errnos[nonBlocking] };
    const { promise, resolve } = Promise.withResolvers<SocketAnswer>();
    this.#callers.add(resolve);
    const unwatch = signals.add(thread, () => resolve({ action: 'interrupt' }));
    const expire = () => resolve({ action: 'fail', errno: errnos.EINPROGRESS });
    const timer = limit === 0 ? undefined : setTimeout(expire, limit);
    return promise.finally(() => {
      clearTimeout(timer);
      unwatch();
      this.#callers.delete(resolve);
    });
  }

  /** Until it is connected to the real server. Fails like `established`, and when nobody waits any more. */
  async untilConnected(): Promise<void> {
    const { connected, upstream, signal } = this;
    if (!connected) await established(upstream, longestConnect, signal);
  }

  /** Where its sockets are, for who brings it to its end elsewhere. */
  get place(): Place {
    const { thread, descriptor, cookie } = this.#socket;
    const { userTimeout, synRetries } = this.#aside;
    return {
      upstream: this.upstream,
      connected: this.connected,
      gate: this.#gate.number,
      waiting: this.#waiting,
      thread,
      descriptor,
      cookie,
      userTimeout,
      synRetries,
    };
  }

  /** What else is to be done when nobody waits for the outcome any more. */
  onAbandoned(act: () => void): void {
    this.#abandoned = act;
  }

  /** Aborted when nobody waits for the outcome any more. */
  get signal(): AbortSignal {
    this.#over ??= new AbortController();
    return this.#over.signal;
  }

  /** No system call tells that a socket was closed: it has to be looked for. */
  abandonIfClosed(): void {
    try {
      if (!this.#isThere()) this.abandon();
    } catch (error) {
      // Not to be told now: it is looked for again.
      if (!(error instanceof TlspoolError)) throw error;
    }
  }

  /** Nobody is to wait any more. */
  abandon(): void {
    this.#abandoned?.();
    this.#over?.abort(abandoned());
  }

  /** The program has taken its socket back (connect(2), AF_UNSPEC): whatever it does with it now is something else. */
  dissolve(): void {
    this.#dissolved = true;
    this.#tell({ action: 'fail', errno: errnos.ECONNABORTED });
    this.abandon();
  }

  /**
   * The plaintext end, whose other one is the program's socket from now on: the program sees success. Fails with
   * `abandoned` when the program has closed its socket.
   */
  async complete(): Promise<number> {
    if (this.#dissolved) throw abandoned();
    return this.completeWith(this.#meet());
  }

  /** The same with an end that is on its way to the program's socket already; taken over. */
  async completeWith(end: number): Promise<number> {
    try {
      if (this.#dissolved) throw abandoned();
      if (!this.#gate.haveMet(end, this.#socket, this.#aside)) await this.#untilSettled(end);
    } catch (error) {
      closeFd(end);
      throw error;
    }
    this.succeed();
    return end;
  }

  /** The program sees success. */
  succeed(): void {
    this.#tell({ action: 'finish' });
  }

  /** The program sees a failure: connect() returns the errno, or SO_ERROR tells it. */
  fail(errno: number): void {
    if (this.#dissolved) return;
    const own = this.#fetch();
    if (own !== undefined) this.#end(own, errno);
    else {
      outgoing.forget(this.cookie);
      this.#endElsewhere();
    }
    this.#tell({ action: 'fail', errno });
  }

  async #untilSettled(end: number): Promise<void> {
    await established(end, patience).catch(() => {
      throw abandoned();
    });
    const own = this.#fetch();
    if (own !== undefined) await this.#settle(own);
    // Passed on, to a process that may have it under any number.
    else if (!this.#isThere()) throw abandoned();
  }

  #end(own: number, errno: number): void {
    const told = this.#callers.size > 0;
    // Said before the socket shows that it failed.
    if (!told) outgoing.fail(this.cookie, errno);
    shutdownFd(own, 'both');
    putBack(own, this.#aside);
    if (told) {
      socketError(own);
      outgoing.forget(this.cookie);
    }
    closeFd(own);
  }

  /** Closes it. */
  async #settle(own: number): Promise<void> {
    try {
      await this.#untilMet(own);
      // A blocking call whose answer gets lost to a signal is made again, and the kernel's first answer then is 0.
      putBack(own, this.#aside);
    } finally {
      closeFd(own);
    }
  }

  #isThere(): boolean {
    return this.#gate.holds(this.cookie, this.#waiting);
  }

  /** Whoever has it by now sees a connection that ends at once: without its number there is no other end to a wait. */
  #endElsewhere(): void {
    try {
      if (this.#isThere()) closeFd(this.#meet());
    } catch (error) {
      // It waits on: there is nothing else that would end it from here.
      if (!(error instanceof TlspoolError)) throw error;
    }
  }

  #meet(): number {
    try {
      return this.#gate.complete(this.#waiting);
    } catch (error) {
      // Nobody waits there any more.
      if (error instanceof TlspoolError && error.wire === errnos.ECONNREFUSED) throw abandoned();
      throw error;
    }
  }

  /** Both ends are connected within the same moment, but two threads of the kernel may be at it. */
  async #untilMet(own: number): Promise<void> {
    for (let pause = 0; pause < 12; pause++) {
      if (this.#gate.meets(own)) return;
      await new Promise((resolve) => setTimeout(resolve, 2 ** pause));
    }
    throw abandoned();
  }

  /** By the thread, or by its process if only that lives. */
  #fetch(): number | undefined {
    const { thread, descriptor, cookie } = this.#socket;
    return (
      fetchSocket(thread, descriptor, cookie) ??
      (thread === this.#process ? undefined : fetchSocket(this.#process, descriptor, cookie))
    );
  }

  #tell(answer: SocketAnswer): void {
    for (const caller of this.#callers) caller(answer);
  }
}

/** ms; both ends are on this machine. */
const patience = 5_000;
/** ms: longer than the kernel tries (tcp_syn_retries, tcp(7)), so that its own word comes first. */
const longestConnect = 300_000;

/** What the program gave up itself is no failure that anybody has to be told of. */
export const abandonedCode = 'abandoned';

export function abandoned(): TlspoolError {
  return new TlspoolError(abandonedCode, 'the program has closed its socket');
}
