import type { PoolConnection } from '../../client/index.ts';
import { closeFd, socketAddresses, socketPair } from '../engine/sockets.ts';
import { serverRequest } from '../tunnel/carriers.ts';
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

async function startForConnection(
  plan: ProgramPlan,
  way: PublicWay,
  pool: PoolConnection,
  fd: number,
): Promise<Program> {
  const addresses = socketAddresses(fd);
  let socket: number | undefined;
  try {
    const session = await pool.startTls({
      ...serverRequest(way.terms)(fd),
      plain: () => {
        const [pools, programs] = socketPair();
        socket = programs;
        return pools;
      },
    });
    const details = await session.details();
    const environment = ucspiEnvironment(plan.environment, addresses, session, details);
    return startProgram({ ...plan, environment, socket: socket as number });
  } finally {
    // The program has its own copy by now; if there is none, this ends the session.
    if (socket !== undefined) closeFd(socket);
  }
}
