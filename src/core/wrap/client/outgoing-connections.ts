import { closeFd } from '../../engine/sockets.ts';
import { asTlspoolError, TlspoolError } from '../../errors.ts';
import { formatHostAndPort } from '../../tunnel/endpoint.ts';
import type { PoolLink } from '../../tunnel/pool-link.ts';
import { startedProcess } from '../asking-process.ts';
import { type ExpectedData, lostData, type ProgramData } from '../data/program-data.ts';
import type { DnsName } from '../names/dns-message.ts';
import { canonicalAddress } from '../names/hosts-file.ts';
import type { SocketAnswer, SocketQuestion } from '../supervisor/traps.ts';
import type { AskTerms } from './ask.ts';
import { Attempt } from './attempt.ts';
import { Attempts } from './attempts.ts';
import { ThreadCarrier } from './carry-by-thread.ts';
import { carryData } from './carry-data.ts';
import { LocalCarrier } from './carry-here.ts';
import type { ClientPolicy } from './client-policy.ts';
import type { Departures } from './departures.ts';
import { errnos } from './errnos.ts';
import { elsewhere, errnoFor, nameless, unprepared } from './failures.ts';
import { FirstWords } from './first-word.ts';
import { Gate, type GateKind, isConnected, outgoing, type SocketCookie } from './gate.ts';
import { connectionTo } from './goal.ts';
import { SignalWatch } from './signal-watch.ts';

export interface OutgoingOptions extends AskTerms {
  readonly link: PoolLink;
  /** Brings connections to the pool where nothing is said before TLS; undefined: this process does itself. */
  readonly departures?: Departures | undefined;
  readonly policy: ClientPolicy;
  /** Data connections of FTP. */
  readonly data: ProgramData;
  /** Names of an address as a process may mean them, most likely first. */
  readonly namesOf: (process: number, address: string, port: number) => readonly DnsName[];
  /** A connection came to nothing, or was refused; `which` says which, in words. */
  readonly lost: (error: TlspoolError, which: string) => void;
}

/** The program's outgoing connections over TCP: each gets TLS, or stays plain, as the policy says. */
export class OutgoingConnections implements Disposable {
  readonly #options: OutgoingOptions;
  readonly #gates: Partial<Record<GateKind, Gate>> = {};
  readonly #signals = new SignalWatch();
  readonly #attempts: Attempts;
  readonly #byThread: ThreadCarrier | undefined;
  readonly #here: LocalCarrier;
  /** Attempts since the last sweep, and how many there may be until the next. */
  #started = 0;
  #untilSweep = shortestSweep;

  constructor(options: OutgoingOptions) {
    this.#options = options;
    this.#attempts = new Attempts(options.lost);
    const { departures } = options;
    const carrying = { ...options, attempts: this.#attempts, words: new FirstWords() };
    this.#byThread = departures && new ThreadCarrier({ ...carrying, departures });
    this.#here = new LocalCarrier(carrying);
  }

  /** The answer to a connect() of the program. */
  connect(question: SocketQuestion): SocketAnswer | Promise<SocketAnswer> {
    try {
      return this.#answer(question);
    } finally {
      closeFd(question.fd);
    }
  }

  /** The program dissolves a connection, or the attempt at one. */
  dissolve(cookie: SocketCookie): void {
    this.#attempts.dissolve(cookie);
  }

  /** Gives up whatever is underway. */
  [Symbol.dispose](): void {
    this.#attempts[Symbol.dispose]();
  }

  #answer(question: SocketQuestion): SocketAnswer | Promise<SocketAnswer> {
    // It came about since the call was made, which may be one that a signal has interrupted.
    if (isConnected(question.fd)) return { action: 'connected' };
    const underway = this.#attempts.on(question.cookie);
    if (underway) return underway.answer(question, 'EALREADY', this.#signals);
    const untold = outgoing.takeError(question.cookie);
    if (untold !== 0) return { action: 'fail', errno: untold };
    const address = canonicalAddress(question.address) ?? question.address;
    const data = this.#options.data.expected(address, question.port);
    if (data) return this.#startData(question, address, data);
    const { process } = question;
    const names = this.#options.namesOf(process, address, question.port);
    const decision = this.#options.policy.decide({ address, port: question.port, names });
    if (decision.kind === 'plain') return { action: 'proceed' };
    const place = formatHostAndPort({ host: address, port: question.port });
    if (decision.kind === 'nameless') return this.#refuse(place, nameless(question.port));
    if (question.elsewhere) return this.#refuse(place, elsewhere);
    if (question.multipath) return { action: 'replace' };
    const goal = { ...decision, place, process: startedProcess(process) };
    return this.#start(question, connectionTo(goal), (attempt) => {
      const taken = this.#byThread?.carry(question, attempt, goal) ?? false;
      if (!taken) void this.#here.carry(attempt, goal);
    });
  }

  /** @param which says which connection it is, in words */
  #start(
    question: SocketQuestion,
    which: string,
    carry: (attempt: Attempt) => void,
  ): SocketAnswer | Promise<SocketAnswer> {
    this.#sweepNowAndThen();
    const gate = this.#gateFor(question);
    if (gate instanceof TlspoolError) {
      this.#options.lost(gate, which);
      return { action: 'fail', errno: errnoFor(gate) };
    }
    const started = Attempt.start(question, gate);
    if (started instanceof Attempt) {
      this.#attempts.add(started);
      carry(started);
      return started.answer(question, 'EINPROGRESS', this.#signals);
    }
    const { errno, step } = started;
    if (step !== 'connect' && errno !== errnos.EISCONN) {
      this.#options.lost(unprepared(step, errno), which);
    }
    return { action: 'fail', errno };
  }

  #startData(
    question: SocketQuestion,
    address: string,
    data: ExpectedData,
  ): SocketAnswer | Promise<SocketAnswer> {
    if (question.multipath) {
      data.again();
      return { action: 'replace' };
    }
    const which = lostData(address);
    if (question.elsewhere) return this.#refuse(address, elsewhere);
    const lost = (error: TlspoolError) => this.#options.lost(error, which);
    return this.#start(question, which, (attempt) => {
      void carryData(attempt, data, this.#attempts, lost);
    });
  }

  #refuse(place: string, error: TlspoolError): SocketAnswer {
    this.#options.lost(error, `no connection to ${place}`);
    return { action: 'fail', errno: errnoFor(error) };
  }

  /** Without one there is no connection, and the program goes on. */
  #gateFor({ ipv6, address }: SocketQuestion): Gate | TlspoolError {
    const kind = !ipv6 ? 'ipv4' : canonicalAddress(address)?.includes(':') ? 'ipv6' : 'mapped';
    try {
      const gate = this.#gates[kind] ?? new Gate(kind);
      this.#gates[kind] = gate;
      return gate;
    } catch (error) {
      return asTlspoolError(error);
    }
  }

  /** No system call tells that a socket was closed: what is remembered of sockets is looked through now and then. */
  #sweepNowAndThen(): void {
    if (++this.#started < this.#untilSweep) return;
    this.#started = 0;
    this.#untilSweep = Math.max(shortestSweep, outgoing.sweep());
  }
}

const shortestSweep = 256;
