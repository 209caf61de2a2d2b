import type { PoolConnection } from '../../client/index.ts';
import { closeFd, socketAddresses, socketPair } from '../engine/sockets.ts';
import type { TlspoolError } from '../errors.ts';
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
    const carry = async (pool: PoolConnection, fd: number) => {
      const program = await startForConnection(plan, way, pool, fd);
      programs.add(program);
      await program.ended.finally(() => programs.delete(program));
    };
    const intake = new Intake({
      listeners: way.listeners.flatMap(({ fds }) => fds),
      link: way.link,
      carry,
      limit: this.#limit,
      events: { lost: events.lost, failed: (error: TlspoolError) => breakDown(error) },
    });
    return {
      signal: (name) => {
        for (const program of programs) program.signal(name);
        if (isEnding(name)) stop();
      },
      ended: stopped.then(
        () => intake.close().then(() => 0),
        async (error: unknown) => {
          for (const program of programs) program.signal('SIGTERM');
          await intake.close();
          throw error;
        },
      ),
    };
  }
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
  const [ours, programs] = socketPair();
  try {
    const session = await pool.startTls({ ...serverRequest(way.terms)(fd), plain: () => ours });
    const details = await session.details();
    return startProgram({
      ...plan,
      environment: ucspiEnvironment(plan.environment, addresses, session, details),
      socket: programs,
    });
  } finally {
    // The program has its own copy by now; if there is none, this ends the session.
    closeFd(programs);
  }
}
