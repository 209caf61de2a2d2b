import type { PoolConnection } from '../../client/index.ts';
import { closeFd, socketPair } from '../engine/sockets.ts';
import { TlspoolError } from '../errors.ts';
import { type IntroductionFacts, pass } from '../starttls/pass.ts';
import { noDialog } from '../starttls/prelude.ts';
import { dialogOf, dialogTimeout, introductionOf, serverRequest } from '../tunnel/carriers.ts';
import { Intake } from '../tunnel/intake.ts';
import type { Mode, ModeEvents, ProgramPlan, PublicWay, RunningMode } from './mode.ts';
import { type Program, startProgram } from './program.ts';
import { endingSignals } from './signals.ts';
import { ucspiEnvironment } from './ucspi.ts';

/** One program for each connection, its stdin and stdout being the plaintext socket. */
export class InetdMode implements Mode {
  readonly #limit: number;

  /** @param limit connections at once, from their handshake to the end of their program */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Each client brings a program to be started. */
  wantsCourier(): boolean {
    return false;
  }

  start(plan: ProgramPlan, way: PublicWay, events: ModeEvents): RunningMode {
    const programs = new Set<Program>();
    const { promise: stopped, resolve: stop, reject: breakDown } = Promise.withResolvers<void>();
    const intake = new Intake({
      listeners: way.listeners.flatMap(({ fds }) => fds),
      link: way.link,
      carry: async (pool, fd) => {
        const program = await startForConnection(plan, way, pool, fd);
        programs.add(program);
        await program.ended.finally(() => programs.delete(program));
      },
      limit: this.#limit,
      events: { lost: events.lost, failed: breakDown },
    });
    const signalAll = (name: NodeJS.Signals) => {
      for (const program of programs) program.signal(name);
    };
    return {
      signal: (name) => {
        signalAll(name);
        if (isEnding(name)) stop();
      },
      ended: finish(stopped, intake, programs, signalAll),
    };
  }
}

/** Waits for the programs; what is on its way without one ends with the pool's connection. */
async function finish(
  stopped: Promise<void>,
  intake: Intake,
  programs: ReadonlySet<Program>,
  signalAll: (name: NodeJS.Signals) => void,
): Promise<number> {
  try {
    await stopped;
  } catch (error) {
    signalAll('SIGTERM');
    throw error;
  } finally {
    void intake.close();
    await Promise.allSettled([...programs].map(({ ended }) => ended));
  }
  return 0;
}

function isEnding(name: NodeJS.Signals): boolean {
  return endingSignals.some((ending) => ending === name);
}

/**
 * Starts the program when it is wanted, and again inside TLS where that was before: who the client is, it is told by its
 * environment. Returns the one that serves the connection.
 */
async function startForConnection(
  plan: ProgramPlan,
  { terms }: PublicWay,
  pool: PoolConnection,
  fd: number,
): Promise<Program> {
  const introduction = introductionOf(terms);
  let program: Program | undefined;
  const { over } = await pass({
    pool,
    dialog: dialogOf(terms) ?? noDialog,
    fd,
    request: serverRequest(terms),
    program: (facts) => {
      const [pools, socket] = socketPair();
      try {
        program = startProgram({ ...plan, environment: environmentFor(plan, facts), socket });
        return pools;
      } catch (error) {
        closeFd(pools);
        throw error;
      } finally {
        // The program has its own copy by now.
        closeFd(socket);
      }
    },
    introduce: introduction ?? (() => Buffer.alloc(0)),
    timeout: dialogTimeout,
  });
  over.catch(() => undefined);
  if (!program) throw new TlspoolError('internal', 'no program was wanted');
  return program;
}

function environmentFor(
  { environment }: ProgramPlan,
  { ends, who, details }: IntroductionFacts,
): NodeJS.ProcessEnv {
  const addresses = { remote: ends.source, local: ends.destination };
  return ucspiEnvironment(environment, addresses, who, details);
}
