import type { CourierIntake } from '../courier/courier.ts';
import type { TlspoolError } from '../errors.ts';
import type { MeetingEvents } from './acceptance.ts';
import { clientCarrier } from './carriers.ts';
import { DatagramAcceptor } from './datagram-acceptor.ts';
import { datagramCarrier } from './datagram-carrier.ts';
import { formatEndpoint } from './endpoint.ts';
import { HelloAcceptor } from './hello-acceptor.ts';
import { Intake, type IntakeOptions } from './intake.ts';
import { listenAt, listenForDatagrams, localAddress } from './listen.ts';
import type { TunnelPlan } from './plan.ts';
import { fitsCourier, serverIntake, type WayToPool } from './server-intake.ts';

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
    this.#intake = intakeFor(plan, way, {
      listeners,
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

/** Whether a courier is of use to it. */
export function wantsCourier({ terms, udp, connect }: TunnelPlan): boolean {
  return !udp && terms.role === 'server' && fitsCourier(terms, connect);
}

function intakeFor(
  { terms, udp, connect: target }: TunnelPlan,
  way: WayToPool,
  order: Pick<IntakeOptions, 'listeners' | 'limit' | 'events'>,
): Intake | CourierIntake {
  const { link } = way;
  if (udp) {
    const accept = (listener: number, heard: MeetingEvents) =>
      terms.role === 'server'
        ? new HelloAcceptor(listener, heard)
        : new DatagramAcceptor(listener, heard);
    return new Intake({ ...order, link, accept, carry: datagramCarrier(terms, target) });
  }
  if (terms.role === 'server') return serverIntake(way, { ...order, terms, target });
  return new Intake({ ...order, link, carry: clientCarrier(terms, target) });
}
