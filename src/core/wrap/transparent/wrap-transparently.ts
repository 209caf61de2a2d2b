import { setTimeout as pause } from 'node:timers/promises';
import { Courier } from '../../courier/courier.ts';
import { keepDescendants, killDescendants, raiseFileLimit } from '../../engine/process.ts';
import { TlspoolError } from '../../errors.ts';
import type { PoolAccess } from '../../tunnel/pool-access.ts';
import type { PoolLink } from '../../tunnel/pool-link.ts';
import type { ServerTerms } from '../../tunnel/terms.ts';
import { type ActivationEnvironment, takeActivatedSockets } from '../activation.ts';
import { type ClientSide, type ClientTermsGiven, openClientSide } from '../client/client-side.ts';
import { Departures } from '../client/departures.ts';
import { ProgramData } from '../data/program-data.ts';
import { checkExecutable } from '../executable.ts';
import type { ProgramPlan } from '../mode.ts';
import { NotifyRelay } from '../notify-relay.ts';
import { type PortMeaning, portMeaning } from '../port-meaning.ts';
import { endingSignals, forwardSignals } from '../signals.ts';
import { openPrivateNetwork, type PrivateNetwork } from '../supervisor/private-network.ts';
import { type SupervisedProgram, startSupervised } from '../supervisor/supervision.ts';
import type { RefusedNotice } from '../supervisor/traps.ts';
import { closePassedListeners, type PassedListener, passListeners } from './activated-listeners.ts';
import type { ListenerPolicy } from './listener-policy.ts';
import { reachProgram } from './program-side.ts';
import { type RestartPolicy, Restarts } from './restart.ts';
import { WrappedListeners } from './wrapped-listeners.ts';

/** A program whose sockets are to be taken from under it. */
export interface TransparentOrder {
  readonly program: ProgramPlan;
  /** Where sockets passed by a service manager are announced, and to which process. */
  readonly activation: { readonly environment: ActivationEnvironment; readonly pid: number };
  /** Fails when there is no pool; asked only when there is a program to run. */
  readonly pool: () => Promise<PoolAccess>;
  readonly policy: ListenerPolicy;
  /** For the connections that the program makes. */
  readonly client: ClientTermsGiven;
  readonly withIdentity: (terms: ServerTerms, pool: PoolAccess) => Promise<ServerTerms>;
  /** Handshakes at once, for each listener. */
  readonly maxHandshakes: number;
  readonly restart: RestartPolicy;
  /** Where private folders are made. */
  readonly runtimeDir: string;
  /** ms for sessions to deliver what the program wrote before it ended. */
  readonly drainTimeout: number;
  readonly events: TransparentEvents;
}

export interface TransparentEvents {
  /** The program listens; `terms` are undefined where there is no TLS. */
  listening(address: string, meaning: PortMeaning, terms: ServerTerms | undefined): void;
  /** A connection came to nothing; `which` says which in words, where that is not said by the error. */
  lost(error: TlspoolError, which?: string): void;
  /** Something went wrong that the program was told of by an error of its own. */
  refused(error: TlspoolError): void;
  /** The daemon went, and with it the sessions; clients wait until it is back. */
  away(): void;
  back(): void;
  /** It is started again in `pause` ms. */
  restarting(exitCode: number, pause: number): void;
}

/**
 * Runs the program, with the sockets that it listens on behind TLS, until nothing of it runs any more. Returns the exit
 * code that stands for how it ended; fails when it could not be run so.
 */
export async function wrapTransparently(order: TransparentOrder): Promise<number> {
  const { command, environment } = order.program;
  checkExecutable(command[0] ?? '', environment.PATH);
  const activated = takeActivatedSockets(order.activation.environment, order.activation.pid);
  const pool = await order.pool();
  try {
    raiseFileLimit();
    keepDescendants();
    const network = await openPrivateNetwork(order.program.launcher);
    using courier = await Courier.open(pool.link);
    using departures = await Departures.open(pool.link);
    const threads = { courier, departures };
    const exitCode = await new Wrapping(order, pool, network, threads).run(activated);
    await pool.drain(order.drainTimeout);
    return exitCode;
  } finally {
    await pool.close();
  }
}

/** Threads that bring connections to the pool; undefined where this process has to do so itself. */
interface Threads {
  readonly courier: Courier | undefined;
  readonly departures: Departures | undefined;
}

class Wrapping {
  readonly #order: TransparentOrder;
  readonly #link: PoolLink;
  readonly #departures: Departures | undefined;
  readonly #listeners: WrappedListeners;
  readonly #restarts: Restarts;
  readonly #stopping = new AbortController();
  readonly #failed = Promise.withResolvers<never>();
  readonly #network: PrivateNetwork;
  readonly #data: ProgramData;
  #program: SupervisedProgram | undefined;

  constructor(
    order: TransparentOrder,
    pool: PoolAccess,
    network: PrivateNetwork,
    { courier, departures }: Threads,
  ) {
    this.#order = order;
    this.#link = pool.link;
    this.#departures = departures;
    this.#network = network;
    this.#restarts = new Restarts(order.restart);
    this.#failed.promise.catch(() => undefined);
    network.lost.then(this.#failed.reject, () => undefined);
    pool.link.on('down', order.events.away).on('up', order.events.back);
    this.#data = new ProgramData(reachProgram, order.events.lost);
    this.#listeners = new WrappedListeners({
      link: pool.link,
      courier,
      policy: order.policy,
      data: this.#data,
      withIdentity: (terms) => order.withIdentity(terms, pool),
      limit: order.maxHandshakes,
      events: {
        listening: order.events.listening,
        lost: order.events.lost,
        failed: (error) => this.#failed.reject(error),
      },
    });
  }

  async run(activated: Parameters<typeof passListeners>[0]): Promise<number> {
    using listeners = this.#listeners;
    using client = await this.#openClientSide();
    using _forwarding = forwardSignals((name) => this.#signal(name));
    const passed = await passListeners(activated, listeners, (port) =>
      this.#order.policy.meaning(port),
    );
    try {
      return await this.#runAgainAndAgain(passed, client);
    } catch (error) {
      await this.#end();
      throw error;
    } finally {
      closePassedListeners(passed);
    }
  }

  async #runAgainAndAgain(passed: readonly PassedListener[], client: ClientSide): Promise<number> {
    for (;;) {
      const started = Date.now();
      const exitCode = await this.#runOnce(passed, client);
      const wait = this.#restarts.after(exitCode, Date.now() - started);
      if (wait === undefined || this.#stopping.signal.aborted) return exitCode;
      this.#order.events.restarting(exitCode, wait);
      try {
        await pause(wait, undefined, { signal: this.#stopping.signal });
      } catch {
        return exitCode;
      }
    }
  }

  async #runOnce(passed: readonly PassedListener[], client: ClientSide): Promise<number> {
    const { program, events } = this.#order;
    const listeners = this.#listeners;
    using relay = new NotifyRelay(program.environment, this.#order.runtimeDir);
    const { environment } = relay;
    this.#program = await startSupervised(
      { ...program, environment, ...(passed.length > 0 && { listeners: passed }) },
      {
        ...client.decisions,
        listen: (question) => listeners.listen(question),
        listening: (notice) => listeners.listening(notice),
        forgone: ({ listener }) => listeners.forgone(listener),
        vacate: () => listeners.vacate(),
        refused: (notice) => events.refused(cannotWrap(notice)),
        foreign: ({ executable }) => this.#failed.reject(foreignProgram(executable)),
      },
      { names: client.names === 'forwarder' },
    );
    const failed = this.#failed.promise;
    const exitCode = await Promise.race([this.#program.ended, failed]);
    // What ended it may be told of after its end.
    await Promise.race([this.#overOrKilled(this.#program.over), failed]);
    this.#program = undefined;
    return Promise.race([failed, exitCode]);
  }

  /** When the guardian did not live to see the end of all, we see to it. */
  async #overOrKilled(over: Promise<void>): Promise<void> {
    while ((await Promise.race([over, pause(timeToHear, late, { ref: false })])) === late) {
      killDescendants(this.#network.keeper);
    }
  }

  #openClientSide(): Promise<ClientSide> {
    const { client, events } = this.#order;
    return openClientSide({
      ...client,
      link: this.#link,
      departures: this.#departures,
      portMeaning,
      data: this.#data,
      handshakeTimeout,
      lost: events.lost,
    });
  }

  #signal(name: NodeJS.Signals): void {
    if (endingSignals.some((ending) => ending === name)) this.#stopping.abort();
    this.#program?.signal(name);
  }

  /** A program that is not to go on may end by itself, or when it is asked to; what is left then ends with us. */
  async #end(): Promise<void> {
    const program = this.#program;
    if (!program) return;
    const ended = program.ended.catch(() => undefined);
    const soon = () => pause(timeToEnd, late, { ref: false });
    if ((await Promise.race([ended, soon()])) !== late) return;
    program.signal('SIGTERM');
    await Promise.race([ended, soon()]);
  }
}

const late = Symbol();
/** ms from a connection of the program to the end of its handshake. */
const handshakeTimeout = 30_000;
/** ms for a program that got an error to end by itself, and again for one that is asked to */
const timeToEnd = 2_500;
/** ms from the end of the last process to our hearing of it */
const timeToHear = 500;

function cannotWrap({ call, executable, pid, reason, errno }: RefusedNotice): TlspoolError {
  const cause = errno === 0 ? '' : ` (errno ${errno})`;
  return new TlspoolError(
    'not-supervised',
    `${call}() of ${executable || 'a program'} (${pid}) was refused: ${reason}${cause}`,
  );
}

function foreignProgram(executable: string): TlspoolError {
  return new TlspoolError(
    'foreign-program',
    `${executable || 'a program'} is built for another architecture than this machine's own (i386 or x32): its system calls cannot be supervised`,
    { hint: 'Use a native build of it, or run it with --listen or --inetd' },
  );
}
