import { hostname } from 'node:os';
import type { PoolConnection } from '../../../client/index.ts';
import { closeFd } from '../../engine/sockets.ts';
import { TlspoolError } from '../../errors.ts';
import type { ClaimedProcess } from '../../protocol/extension.ts';
import { clientDialog, parseProtocol } from '../../starttls/dialogs.ts';
import { isFtp } from '../../starttls/ftp.ts';
import { pass } from '../../starttls/pass.ts';
import { formatHostAndPort } from '../../tunnel/endpoint.ts';
import type { PoolLink } from '../../tunnel/pool-link.ts';
import { startedProcess } from '../asking-process.ts';
import { type ExpectedData, lostData, type ProgramData } from '../data/program-data.ts';
import type { DnsName } from '../names/dns-message.ts';
import { canonicalAddress } from '../names/hosts-file.ts';
import type { SocketAnswer, SocketQuestion } from '../supervisor/traps.ts';
import { Attempt, abandoned, abandonedCode } from './attempt.ts';
import type { ClientPolicy } from './client-policy.ts';
import type { Treatment } from './client-rules.ts';
import type { Departures } from './departures.ts';
import { errnos } from './errnos.ts';
import { established } from './established.ts';
import { patienceWith } from './first-word.ts';
import { Gate, type GateKind, isConnected, outgoing, type SocketCookie } from './gate.ts';
import { SignalWatch } from './signal-watch.ts';
import { requirePlaintext } from './speaks-tls.ts';

export interface OutgoingOptions {
  readonly link: PoolLink;
  /** Brings connections to the pool where nothing is said before TLS; undefined: this process does itself. */
  readonly departures?: Departures | undefined;
  readonly policy: ClientPolicy;
  /** Data connections of FTP. */
  readonly data: ProgramData;
  /** Names of an address as a process may mean them, most likely first. */
  readonly namesOf: (process: number, address: string, port: number) => readonly DnsName[];
  /** IANA service name for rules about access; undefined: what the port is for. */
  readonly service: string | undefined;
  /** ms from the connection to the end of the handshake. */
  readonly handshakeTimeout: number;
  /** A connection came to nothing, or was refused; `which` says which, in words. */
  readonly lost: (error: TlspoolError, which: string) => void;
}

/** The program's outgoing connections over TCP: each gets TLS, or stays plain, as the policy says. */
export class OutgoingConnections implements Disposable {
  readonly #options: OutgoingOptions;
  readonly #gates: Partial<Record<GateKind, Gate>> = {};
  readonly #signals = new SignalWatch();
  readonly #attempts = new Map<SocketCookie, Attempt>();
  /** Places where a program waited for its server to speak first: none is waited for there again. */
  readonly #greeted = new Set<string>();
  #patrol: NodeJS.Timeout | undefined;
  /** Attempts since the last sweep, and how many there may be until the next. */
  #started = 0;
  #untilSweep = shortestSweep;

  constructor(options: OutgoingOptions) {
    this.#options = options;
  }

  /** The answer to a connect() of the program. */
  connect(question: SocketQuestion): SocketAnswer | Promise<SocketAnswer> {
    try {
      return this.#answer(question);
    } finally {
      closeFd(question.fd);
    }
  }

  /** Gives up whatever is underway. */
  [Symbol.dispose](): void {
    clearTimeout(this.#patrol);
    for (const attempt of this.#attempts.values()) attempt.abandon();
  }

  /** The program dissolves a connection, or the attempt at one. */
  dissolve(cookie: SocketCookie): void {
    this.#attempts.get(cookie)?.dissolve();
    this.#attempts.delete(cookie);
  }

  #answer(question: SocketQuestion): SocketAnswer | Promise<SocketAnswer> {
    // It came about since the call was made, which may be one that a signal has interrupted.
    if (isConnected(question.fd)) return { action: 'connected' };
    const underway = this.#attempts.get(question.cookie);
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
      if (!this.#depart(question, attempt, goal)) void this.#carry(attempt, goal);
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
      this.#attempts.set(question.cookie, started);
      this.#patrol ??= setTimeout(() => this.#lookAfterAttempts(), round).unref();
      carry(started);
      return started.answer(question, 'EINPROGRESS', this.#signals);
    }
    const { errno, step } = started;
    if (step !== 'connect' && errno !== errnos.EISCONN) {
      this.#options.lost(unprepared(step, errno), which);
    }
    return { action: 'fail', errno };
  }

  /** Servers need not wait for a program that has lost its patience. */
  #lookAfterAttempts(): void {
    for (const attempt of this.#attempts.values()) attempt.abandonIfClosed();
    this.#patrol =
      this.#attempts.size === 0
        ? undefined
        : setTimeout(() => this.#lookAfterAttempts(), round).unref();
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
    return this.#start(question, which, (attempt) => void this.#carryData(attempt, which, data));
  }

  /** The program's connection is there before its TLS, which follows a reply that it may be waiting for. */
  async #carryData(attempt: Attempt, which: string, data: ExpectedData): Promise<void> {
    let upstream: number | undefined = attempt.upstream;
    let completed = false;
    try {
      await untilConnected(attempt);
      const end = await attempt.complete();
      completed = true;
      this.#forget(attempt);
      upstream = undefined;
      await data.carry(attempt.upstream, end);
    } catch (error) {
      const failure = asTlspoolError(error);
      this.#forget(attempt);
      if (!completed) attempt.fail(errnoFor(failure));
      if (!given.has(failure.code)) this.#options.lost(failure, which);
    } finally {
      if (upstream !== undefined) closeFd(upstream);
    }
  }

  /** Leaves the rest to a thread, where nothing is said before TLS. False: it takes nothing now. */
  #depart(question: SocketQuestion, attempt: Attempt, goal: Goal): boolean {
    const { departures, handshakeTimeout: timeout } = this.#options;
    const { treatment, remoteId, process, place } = goal;
    if (!departures || treatment.kind !== 'tls') return false;
    const service = this.#options.service ?? treatment.service;
    const patience = this.#patienceWith(goal);
    const started = Date.now();
    const end = (failure: TlspoolError, completed: boolean, progress: string) =>
      this.#end(attempt, goal, { failure, completed, progress, started });
    const succeed = () => {
      attempt.succeed();
      this.#forget(attempt);
    };
    return departures.begin({
      question,
      attempt,
      ask: { role: 'client', remoteId, service, timeout, process },
      patience,
      events: {
        done: (spoke) => {
          succeed();
          if (patience > 0 && !spoke) this.#remember(place);
        },
        failed: (failure, completed) => end(failure, completed, toTls),
        givenUp: (progress) =>
          end(abandoned(), false, progress === 'connecting' ? answered : toTls),
        // No call waits any more, and no signal is to be looked for.
        closed: succeed,
      },
    });
  }

  async #carry(attempt: Attempt, goal: Goal): Promise<void> {
    let upstream: number | undefined = attempt.upstream;
    let completed = false;
    let progress = answered;
    const started = Date.now();
    const plain = async () => {
      const end = await attempt.complete();
      completed = true;
      this.#forget(attempt);
      await this.#requirePlaintext(end, goal);
      return end;
    };
    try {
      await untilConnected(attempt);
      progress = toTls;
      const { pool } = this.#options.link;
      if (!pool) throw new TlspoolError('no-daemon', 'the pool is away');
      upstream = undefined;
      await this.#secure(pool, attempt, goal, plain);
    } catch (error) {
      this.#end(attempt, goal, { failure: asTlspoolError(error), completed, progress, started });
    } finally {
      if (upstream !== undefined) closeFd(upstream);
    }
  }

  /** One came to nothing. */
  #end(attempt: Attempt, goal: Goal, { failure, completed, progress, started }: Failure): void {
    this.#forget(attempt);
    // After that the program's socket ends with the pool's.
    if (!completed) attempt.fail(errnoFor(failure));
    const waited = Date.now() - started;
    if (failure.code !== abandonedCode) this.#options.lost(failure, connectionTo(goal));
    else if (waited >= noteworthy) this.#options.lost(gaveUp(waited, progress), connectionTo(goal));
  }

  /** Of what the program says first, where it does. Closes the end if it is none. */
  async #requirePlaintext(end: number, goal: Goal): Promise<void> {
    const patience = this.#patienceWith(goal);
    if (patience === 0) return;
    try {
      if (!(await requirePlaintext(end, patience))) this.#remember(goal.place);
    } catch (error) {
      closeFd(end);
      throw error;
    }
  }

  /** ms for the program's first word; 0: its server's is known to come first. */
  #patienceWith({ treatment, place }: Goal): number {
    return this.#greeted.has(place) ? 0 : patienceWith(treatment);
  }

  #remember(place: string): void {
    if (this.#greeted.size < mostGreeted) this.#greeted.add(place);
  }

  /** Takes the upstream socket over. */
  async #secure(
    pool: PoolConnection,
    { upstream: fd, signal }: Attempt,
    { treatment, remoteId, process }: Goal,
    plain: () => Promise<number>,
  ): Promise<void> {
    const { handshakeTimeout: timeout } = this.#options;
    const service = this.#options.service ?? treatment.service;
    const request = { role: 'client' as const, remoteId, service, timeout, process, signal };
    if (treatment.kind === 'tls') {
      await pool.startTls({ ...request, fd, plain });
      return;
    }
    const protocol = parseProtocol(treatment.protocol);
    const { over } = await pass({
      pool,
      dialog: clientDialog(protocol, { ownName: hostname() }),
      fd,
      request: { ...request, alpn: protocol.alpn },
      program: plain,
      data: isFtp(protocol) ? this.#options.data : undefined,
      timeout,
      signal,
    });
    // Its end, however it came, is between the program and its server.
    over.catch(() => undefined);
  }

  /** Another attempt may have been begun on the same socket. */
  #forget(attempt: Attempt): void {
    if (this.#attempts.get(attempt.cookie) === attempt) this.#attempts.delete(attempt.cookie);
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

const mostGreeted = 1024;

interface Goal {
  readonly treatment: Treatment;
  readonly remoteId: string;
  /** ADDR:PORT */
  readonly place: string;
  /** Who connects, to be judged in place of wrap. */
  readonly process: ClaimedProcess | undefined;
}

/** How a connection that came to nothing did so. */
interface Failure {
  readonly failure: TlspoolError;
  /** The program had it already. */
  readonly completed: boolean;
  /** What the server had not done yet. */
  readonly progress: string;
  /** Date.now() */
  readonly started: number;
}

const answered = 'answered';
const toTls = 'come to TLS';

/** What the program gave up itself. */
const given: ReadonlySet<string> = new Set([abandonedCode, 'starttls-ended']);

/** ms that a program has waited in vain: shorter waits are part of how programs try several addresses (RFC 8305). */
const noteworthy = 2_000;
/** ms between looks at whether programs still wait. */
const round = 1_000;
const shortestSweep = 256;
/** ms: longer than the kernel tries (tcp_syn_retries, tcp(7)), so that its own word comes first. */
const longestConnect = 300_000;

async function untilConnected({ connected, upstream, signal }: Attempt): Promise<void> {
  if (!connected) await established(upstream, longestConnect, signal);
}

/** What the program is told: what a network without TLS could have met, else that the server does not want it. */
function errnoFor({ wire }: TlspoolError): number {
  return wire !== undefined && ofNetworks.has(wire) ? wire : errnos.ECONNREFUSED;
}

const ofNetworks: ReadonlySet<number> = new Set([
  errnos.ECONNREFUSED,
  errnos.ETIMEDOUT,
  errnos.EHOSTUNREACH,
  errnos.ENETUNREACH,
  errnos.ENETDOWN,
  errnos.ECONNRESET,
]);

function connectionTo({ remoteId, place }: Goal): string {
  return `no connection to ${remoteId} at ${place}`;
}

function unprepared(step: string, errno: number): TlspoolError {
  return new TlspoolError('not-prepared', `${step} cannot be carried over (errno ${errno})`, {
    wire: errno,
  });
}

function gaveUp(waited: number, progress: string): TlspoolError {
  const seconds = Math.round(waited / 1_000);
  return new TlspoolError(
    'given-up',
    `the program gave up after ${seconds} s, when the server had not ${progress} yet`,
  );
}

function nameless(port: number): TlspoolError {
  return new TlspoolError(
    'nameless',
    'the program asked for no name that leads there, so nothing says whom the server must prove to be',
    {
      hint: `Name it: --client-tls HOST:${port}, or --remote-id HOST`,
      wire: errnos.ECONNREFUSED,
    },
  );
}

const elsewhere = new TlspoolError(
  'other-network',
  'its socket is in another network namespace than wrap',
  { hint: 'Start wrap inside that namespace.', wire: errnos.ENETUNREACH },
);

function asTlspoolError(error: unknown): TlspoolError {
  if (error instanceof TlspoolError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new TlspoolError('internal', message, { cause: error });
}
