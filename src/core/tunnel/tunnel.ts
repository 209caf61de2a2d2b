import { type Courier, type CourierIntake, isReachable } from '../courier/courier.ts';
import type { TlspoolError } from '../errors.ts';
import { clientCarrier, dialogOf, serverCarrier, serverRequest } from './carriers.ts';
import { DatagramAcceptor } from './datagram-acceptor.ts';
import { datagramCarrier } from './datagram-carrier.ts';
import { formatEndpoint } from './endpoint.ts';
import { Intake, type IntakeEvents } from './intake.ts';
import { listenAt, listenForDatagrams, localAddress } from './listen.ts';
import type { TunnelPlan } from './plan.ts';
import type { PoolLink } from './pool-link.ts';

export interface TunnelEvents {
  /** A connection came to nothing. */
  lost(tunnel: Tunnel, error: TlspoolError): void;
  /** The tunnel takes no more connections. */
  failed(tunnel: Tunnel, error: TlspoolError): void;
}

/** How connections get to the pool. */
export interface WayToPool {
  readonly link: PoolLink;
  /** Takes those on its own that need nothing of us; undefined: there is none. */
  readonly courier: Courier | undefined;
}

export class Tunnel {
  readonly plan: TunnelPlan;
  /** Where it listens, with the port that the kernel chose. */
  readonly addresses: readonly string[];
  readonly #intake: Intake | CourierIntake;

  /** @param limit hand-overs at once */
  static async open(
    plan: TunnelPlan,
    way: WayToPool,
    limit: number,
    events: TunnelEvents,
  ): Promise<Tunnel> {
    const listen = plan.udp ? listenForDatagrams : listenAt;
    return new Tunnel(plan, await listen(plan.accept), way, limit, events);
  }

  private constructor(
    plan: TunnelPlan,
    listeners: readonly number[],
    way: WayToPool,
    limit: number,
    events: TunnelEvents,
  ) {
    this.plan = plan;
    this.addresses = listeners.map(localAddress);
    this.#intake = intakeFor(plan, way, listeners, limit, {
      lost: (error) => events.lost(this, error),
      failed: (error) => events.failed(this, error),
    });
  }

  /** Where it leads to. */
  get target(): string {
    return formatEndpoint(this.plan.connect);
  }

  /** Stops accepting; resolves when the last hand-over is done. Sessions live on. */
  close(): Promise<void> {
    return this.#intake.close();
  }
}

/** Whether connections need no more than a courier can do. */
export function fitsCourier({ terms, udp, connect }: TunnelPlan): boolean {
  return !udp && terms.role === 'server' && !dialogOf(terms) && isReachable(connect);
}

function intakeFor(
  plan: TunnelPlan,
  { link, courier }: WayToPool,
  listeners: readonly number[],
  limit: number,
  events: IntakeEvents,
): Intake | CourierIntake {
  const { terms, connect: target } = plan;
  if (courier && terms.role === 'server' && fitsCourier(plan)) {
    return courier.serve({ listeners, ask: serverRequest(terms), target, limit, events });
  }
  return new Intake({
    listeners,
    accept: plan.udp ? (listener, heard) => new DatagramAcceptor(listener, heard) : undefined,
    link,
    carry: carrierOf(plan),
    limit,
    events,
  });
}

function carrierOf(plan: TunnelPlan) {
  if (plan.udp) return datagramCarrier(plan.terms, plan.connect);
  return plan.terms.role === 'client'
    ? clientCarrier(plan.terms, plan.connect)
    : serverCarrier(plan.terms, plan.connect);
}
