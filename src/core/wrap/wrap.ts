import { Courier } from '../courier/courier.ts';
import type { TlspoolError } from '../errors.ts';
import { localAddress } from '../tunnel/listen.ts';
import type { PoolAccess } from '../tunnel/pool-access.ts';
import type { ServerTerms } from '../tunnel/terms.ts';
import { type ActivationEnvironment, takeActivatedSockets } from './activation.ts';
import { checkExecutable } from './executable.ts';
import type { Mode, ProgramPlan } from './mode.ts';
import { type ListenOrder, openPublicListeners } from './public-listener.ts';
import { forwardSignals } from './signals.ts';

/** A program, and how it is to be put behind TLS. */
export interface WrapOrder {
  readonly program: ProgramPlan;
  readonly mode: Mode;
  readonly listen: readonly ListenOrder[];
  /** Where sockets passed by a service manager are announced, and to which process. */
  readonly activation: { readonly environment: ActivationEnvironment; readonly pid: number };
  /** Fails when there is no pool; asked only when there is a program to run. */
  readonly pool: () => Promise<PoolAccess>;
  readonly terms: (pool: PoolAccess) => Promise<ServerTerms>;
  /** ms for sessions to deliver what the program wrote before it ended. */
  readonly drainTimeout: number;
  readonly events: WrapEvents;
}

export interface WrapEvents {
  /** Everything is in place: clients are served from now on. */
  serving(addresses: readonly string[], terms: ServerTerms): void;
  /** A connection came to nothing. */
  lost(error: TlspoolError): void;
}

/**
 * Runs the program behind TLS until it ends. Returns the exit code that stands for how it ended; fails when
 * it could not be run so.
 */
export async function wrap(order: WrapOrder): Promise<number> {
  const { command, environment } = order.program;
  checkExecutable(command[0] ?? '', environment.PATH);
  const activated = takeActivatedSockets(order.activation.environment, order.activation.pid);
  const pool = await order.pool();
  try {
    const terms = await order.terms(pool);
    const listeners = await openPublicListeners(order.listen, activated);
    const addresses = listeners.flatMap(({ fds }) => fds.map(localAddress));
    using courier = order.mode.wantsCourier(terms) ? await Courier.open(pool.link) : undefined;
    // Signals are heard from before the program can provoke any; nothing is delivered before `start` returns.
    using _forwarding = forwardSignals((name) => running.signal(name));
    const running = order.mode.start(
      order.program,
      { link: pool.link, courier, terms, listeners },
      order.events,
    );
    order.events.serving(addresses, terms);
    const exitCode = await running.ended;
    await pool.drain(order.drainTimeout);
    return exitCode;
  } finally {
    await pool.close();
  }
}
