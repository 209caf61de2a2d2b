import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { Courier } from '../courier/courier.ts';
import type { TlspoolError } from '../errors.ts';
import { withLocalIdentity } from './default-identity.ts';
import type { TunnelPlan } from './plan.ts';
import type { PoolAccess } from './pool-access.ts';
import { Tunnel, wantsCourier } from './tunnel.ts';

export interface TunnelsOrder {
  readonly plans: readonly TunnelPlan[];
  readonly pool: PoolAccess;
  /** Hand-overs at once, of each tunnel. */
  readonly limit: number;
  /** ms for open sessions at the end. */
  readonly drainTimeout: number;
  /** Ends the tunnels. */
  readonly stop: AbortSignal;
  readonly events: TunnelsEvents;
}

export interface TunnelsEvents {
  /** All tunnels are open: clients are served from now on. */
  open(tunnels: readonly Tunnel[]): void;
  /** A connection came to nothing. */
  lost(tunnel: Tunnel, error: TlspoolError): void;
}

/** Opens all tunnels or none, and carries connections until told to stop, or a tunnel fails. */
export async function runTunnels(order: TunnelsOrder): Promise<readonly Tunnel[]> {
  const { pool, stop, events } = order;
  const tunnels: Tunnel[] = [];
  const { promise: broken, reject: breakDown } = Promise.withResolvers<never>();
  // A tunnel may break before the others are open; the race below tells of it then.
  broken.catch(() => undefined);
  try {
    using courier = order.plans.some(wantsCourier) ? await Courier.open(pool.link) : undefined;
    const way = { link: pool.link, courier };
    for (const plan of order.plans) {
      const terms = await withLocalIdentity(plan.terms, pool.stateDir);
      const tunnel = await Tunnel.open({ ...plan, terms }, way, order.limit, {
        lost: events.lost,
        failed: (_tunnel, error) => breakDown(error),
      });
      tunnels.push(tunnel);
    }
    events.open(tunnels);
    if (!stop.aborted) await Promise.race([once(stop, 'abort'), broken]);
    const deadline = Date.now() + order.drainTimeout;
    await Promise.race([
      Promise.all(tunnels.map((tunnel) => tunnel.close())),
      setTimeout(order.drainTimeout, undefined, { ref: false }),
    ]);
    await pool.drain(Math.max(0, deadline - Date.now()));
    return tunnels;
  } finally {
    for (const tunnel of tunnels) void tunnel.close();
    await pool.close();
  }
}
