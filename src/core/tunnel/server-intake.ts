import { type Courier, type CourierIntake, isReachable } from '../courier/courier.ts';
import { dialogOf, serverCarrier, serverRequest } from './carriers.ts';
import type { Endpoint } from './endpoint.ts';
import { Intake, type IntakeOptions } from './intake.ts';
import type { PoolLink } from './pool-link.ts';
import type { ServerTerms } from './terms.ts';

/** How connections get to the pool. */
export interface WayToPool {
  readonly link: PoolLink;
  /** Takes those on its own that need nothing of us; undefined: there is none. */
  readonly courier: Courier | undefined;
}

export interface ServerIntakeOrder extends Pick<IntakeOptions, 'listeners' | 'limit' | 'events'> {
  readonly terms: ServerTerms;
  /** Where plaintext goes to. */
  readonly target: Endpoint;
}

/** Brings clients to the pool and what they say to `target`: by the courier where that can. */
export function serverIntake(
  { link, courier }: WayToPool,
  { terms, target, ...order }: ServerIntakeOrder,
): Intake | CourierIntake {
  if (courier && fitsCourier(terms, target)) {
    return courier.serve({ ...order, ask: serverRequest(terms), target });
  }
  return new Intake({ ...order, link, carry: serverCarrier(terms, target) });
}

/** Whether clients need no more than a courier can do. */
export function fitsCourier(terms: ServerTerms, target: Endpoint): boolean {
  return !dialogOf(terms) && isReachable(target);
}
