import type { TlspoolError } from '../errors.ts';
import { clientCarrier, serverCarrier } from './carriers.ts';
import { type Endpoint, formatEndpoint, type ListenAddress } from './endpoint.ts';
import { Intake } from './intake.ts';
import { listenAt, localAddress } from './listen.ts';
import type { PoolLink } from './pool-link.ts';
import type { Terms } from './terms.ts';

/** One tunnel: what comes in at `accept` goes out at `connect`, with TLS on one of the two sides. */
export interface TunnelPlan {
  /** How messages call it; given only when there are several. */
  readonly name: string | undefined;
  readonly accept: ListenAddress;
  readonly connect: Endpoint;
  readonly terms: Terms;
  /** Hand-overs at once. */
  readonly limit: number;
}

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

  static async open(plan: TunnelPlan, link: PoolLink, events: TunnelEvents): Promise<Tunnel> {
    return new Tunnel(plan, await listenAt(plan.accept), link, events);
  }

  private constructor(
    plan: TunnelPlan,
    listeners: readonly number[],
    link: PoolLink,
    events: TunnelEvents,
  ) {
    this.plan = plan;
    this.addresses = listeners.map(localAddress);
    this.#intake = new Intake({
      listeners,
      link,
      carry: carrierOf(plan),
      limit: plan.limit,
      events: {
        lost: (error) => events.lost(this, error),
        failed: (error) => events.failed(this, error),
      },
    });
  }

  /** `127.0.0.1:443 → 127.0.0.1:80`, for messages. */
  get route(): string {
    return `${this.addresses.join(', ')} → ${formatEndpoint(this.plan.connect)}`;
  }

  /** Stops accepting; resolves when the last hand-over is done. Sessions live on. */
  close(): Promise<void> {
    return this.#intake.close();
  }
}

function carrierOf(plan: TunnelPlan) {
  return plan.terms.role === 'client'
    ? clientCarrier(plan.terms, plan.connect)
    : serverCarrier(plan.terms, plan.connect);
}
