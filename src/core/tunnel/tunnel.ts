import type { TlspoolError } from '../errors.ts';
import { clientCarrier, serverCarrier } from './carriers.ts';
import { DatagramAcceptor } from './datagram-acceptor.ts';
import { datagramCarrier } from './datagram-carrier.ts';
import { formatEndpoint } from './endpoint.ts';
import { Intake } from './intake.ts';
import { listenAt, listenForDatagrams, localAddress } from './listen.ts';
import type { TunnelPlan } from './plan.ts';
import type { PoolLink } from './pool-link.ts';

export interface TunnelEvents {
  /** A connection came to nothing. */
  lost(tunnel: Tunnel, error: TlspoolError): void;
  /** The tunnel takes no more connections. */
  failed(tunnel: Tunnel, error: TlspoolError): void;
}

export class Tunnel {
  readonly plan: TunnelPlan;
  /** Where it listens, with the port that the kernel chose. */
  readonly addresses: readonly string[];
  readonly #intake: Intake;

  /** @param limit hand-overs at once */
  static async open(
    plan: TunnelPlan,
    link: PoolLink,
    limit: number,
    events: TunnelEvents,
  ): Promise<Tunnel> {
    const listen = plan.udp ? listenForDatagrams : listenAt;
    return new Tunnel(plan, await listen(plan.accept), link, limit, events);
  }

  private constructor(
    plan: TunnelPlan,
    listeners: readonly number[],
    link: PoolLink,
    limit: number,
    events: TunnelEvents,
  ) {
    this.plan = plan;
    this.addresses = listeners.map(localAddress);
    this.#intake = new Intake({
      listeners,
      accept: plan.udp ? (listener, heard) => new DatagramAcceptor(listener, heard) : undefined,
      link,
      carry: carrierOf(plan),
      limit,
      events: {
        lost: (error) => events.lost(this, error),
        failed: (error) => events.failed(this, error),
      },
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

function carrierOf(plan: TunnelPlan) {
  if (plan.udp) return datagramCarrier(plan.terms, plan.connect);
  return plan.terms.role === 'client'
    ? clientCarrier(plan.terms, plan.connect)
    : serverCarrier(plan.terms, plan.connect);
}
