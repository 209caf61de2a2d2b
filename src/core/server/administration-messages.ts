import type { Concern } from '../concerns/concern.ts';
import { TlspoolError } from '../errors.ts';
import type { Shown } from '../store/review-wishes.ts';
import type { TokenStatus } from '../token/token-status.ts';
import type { ChoiceView } from './identity-seat.ts';
import type { PinRequestView } from './pin-seat.ts';

/** What a pool is doing. */
export interface PoolStatus {
  /** Of the program that runs: what is installed may be newer by now. */
  readonly version: string;
  readonly pid: number;
  readonly socket: string;
  readonly stateDir: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Programs that are connected. */
  readonly connections: number;
  readonly sessions: number;
  /** Since it started. */
  readonly sessionsTotal: number;
  /** Files and sockets that the process has open. */
  readonly openFiles: number;
  readonly tokens: readonly TokenStatus[];
  readonly concerns: readonly Concern[];
}

/** One line from whoever administers the pool. */
export type AdministrationRequest =
  | { readonly do: 'status' }
  /** Answered by a line for each session, and one with `end`. */
  | { readonly do: 'sessions' }
  | { readonly do: 'close'; readonly session: string; readonly abort?: boolean }
  /** Who asks people for PINs, and what they are asked now. */
  | { readonly do: 'pins' }
  /** The same of a program's own seat, for members of `seat_group` too. */
  | { readonly do: 'my-pins' }
  /** Answered, for as long as the program has its seat, by a line for each token that begins or ends to wait for a touch. */
  | { readonly do: 'my-touches' }
  /** Who has people choose identities, and what they are to choose now; and the same of a program's own seat. */
  | { readonly do: 'choices' }
  | { readonly do: 'my-choices' }
  /** Has someone asked for the PIN of a token; answered when that came to an end. */
  | { readonly do: 'enter-pin'; readonly token: string }
  | { readonly do: 'lock-token'; readonly token: string }
  /** Answered by a line for each session that is not allowed any more, which `apply` ends, and one with `end`. */
  | { readonly do: 'review'; readonly apply?: boolean }
  /** Ends the sessions in which the other side showed that; answered by a line for each, and one with `end`. */
  | ({ readonly do: 'end-shown' } & Shown);

/** The seat of PINENTRY. */
export interface PinStatus {
  /** The program that asks people; null: there is none. */
  readonly holder: SeatHolder | null;
  /** In the order in which they are asked for. */
  readonly needed: readonly PinRequestView[];
}

/** The seat of LIDENTRY. */
export interface ChoiceStatus {
  readonly holder: SeatHolder | null;
  readonly needed: readonly ChoiceView[];
}

export interface SeatHolder {
  readonly pid: number;
  readonly uid: number;
  readonly user: string;
  readonly executable: string;
}

/** @throws TlspoolError `bad-request` */
export function readRequest(line: string): AdministrationRequest {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch (cause) {
    throw new TlspoolError('bad-request', 'a request is a JSON object in one line', { cause });
  }
  if (isRequest(request)) return request;
  throw new TlspoolError('bad-request', 'there is no such request');
}

function isRequest(value: unknown): value is AdministrationRequest {
  if (typeof value !== 'object' || value === null || !('do' in value)) return false;
  if (value.do === 'close') return 'session' in value && typeof value.session === 'string';
  if (value.do === 'enter-pin' || value.do === 'lock-token') {
    return 'token' in value && typeof value.token === 'string';
  }
  if (value.do === 'end-shown') {
    return 'kind' in value && kinds.has(value.kind) && 'value' in value && isHex(value.value);
  }
  return plain.has(value.do);
}

const kinds: ReadonlySet<unknown> = new Set(['certificate', 'key', 'serial']);

function isHex(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]+$/.test(value);
}

const plain: ReadonlySet<unknown> = new Set([
  'status',
  'sessions',
  'review',
  'pins',
  'my-pins',
  'my-touches',
  'choices',
  'my-choices',
]);
