import type { TokenState } from '../engine/types.ts';
import type { NativeTokenStatus } from './native-tokens.ts';
import { formatPinSource, type PinSource } from './pin-source.ts';
import { type PinState, pinStateOf } from './pin-state.ts';
import { formatPkcs11Uri, parsePkcs11Uri } from './uri.ts';

/** A token as the daemon sees it. */
export interface TokenStatus {
  /** Complete once the token was seen, until then as it is in the keys' URIs. */
  readonly uri: string;
  readonly label: string;
  /** `unused`: nothing was wanted of it yet. */
  readonly state: TokenState | 'unused';
  /** The last failure, by the name of its PKCS #11 return value. */
  readonly lastError: string | undefined;
  /** Undefined until the token was seen. */
  readonly pinState: PinState | undefined;
  /** `file:…` or `credential:…`; undefined: someone logs in by hand. */
  readonly loginFrom: string | undefined;
  /** Sessions that we have open. */
  readonly sessions: number;
  /** Signatures that wait. */
  readonly waiting: number;
  /** A signature has been under way for so long that someone may have to touch the token. */
  readonly awaitsTouch: boolean;
  /** By `pin lock`: it stays so until someone gives the PIN by hand, whatever its PIN source. */
  readonly lockedByHand: boolean;
}

/** What a token calls itself, and whether it wants something. */
export interface TokenDescription {
  /** As complete as it is known. */
  readonly uri: string;
  readonly state: TokenStatus['state'];
  readonly label: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly serial: string;
  /** Undefined until the token was seen. */
  readonly pinState: PinState | undefined;
}

/** ms after which a signature is taken to wait for a person's touch. */
const TOUCH_AFTER = 3_000;

/** @param uri as the engine has the token */
export function statusOf(
  uri: string,
  status: NativeTokenStatus,
  login: { readonly source: PinSource | undefined; readonly lockedByHand: boolean },
): TokenStatus {
  const { source, lockedByHand } = login;
  return {
    uri: completeUri(uri, status),
    label: status.located ? status.label : (parsePkcs11Uri(uri).token ?? ''),
    state: status.state,
    lastError: status.error === '' ? undefined : status.error,
    pinState: status.located ? pinStateOf(status.flags) : undefined,
    loginFrom: source && formatPinSource(source),
    sessions: status.workers,
    waiting: status.queued,
    awaitsTouch: awaitsTouch(status),
    lockedByHand,
  };
}

/** In one word or two, for people. */
export function stateWords({ state, awaitsTouch, lockedByHand }: TokenStatus): string {
  if (awaitsTouch) return 'waits for a touch?';
  return lockedByHand && state === 'unused' ? 'locked by hand' : state;
}

/** @param uri as the engine has the token */
export function descriptionOf(uri: string, status: NativeTokenStatus): TokenDescription {
  const { label, manufacturer, model, serial, flags, located, state } = status;
  return {
    uri: completeUri(uri, status),
    state,
    label: located ? label : (parsePkcs11Uri(uri).token ?? ''),
    manufacturer,
    model,
    serial,
    pinState: located ? pinStateOf(flags) : undefined,
  };
}

export function awaitsTouch({ signing }: NativeTokenStatus): boolean {
  return signing >= TOUCH_AFTER;
}

/** Asked for by few attributes, known by all once the token was seen. */
export function completeUri(uri: string, status: NativeTokenStatus): string {
  if (!status.located) return uri;
  return formatPkcs11Uri({
    ...parsePkcs11Uri(uri),
    model: status.model,
    manufacturer: status.manufacturer,
    serial: status.serial,
    token: status.label,
  });
}
