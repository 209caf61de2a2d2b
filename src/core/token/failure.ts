/** What a token's refusal means to the person who has to do something about it. */
import { TlspoolError } from '../errors.ts';

/** A PKCS #11 return value: the number and its name in the standard. */
export interface ReturnValue {
  readonly value: number;
  readonly name: string;
}

export class TokenError extends TlspoolError {
  /** What the module answered; undefined if it was never asked. */
  readonly returnValue: ReturnValue | undefined;

  constructor(
    code: string,
    message: string,
    details: { hint?: string | undefined; returnValue?: ReturnValue; cause?: unknown } = {},
  ) {
    super(code, message, { hint: details.hint, cause: details.cause });
    this.returnValue = details.returnValue;
  }
}

interface Meaning {
  readonly code: string;
  /** Completes "cannot …: ". */
  readonly text: string;
  readonly hint: string;
}

const wrongPin: Meaning = {
  code: 'wrong-pin',
  text: 'the PIN is wrong',
  hint: 'Correct the PIN source; it is not tried again by itself, as tokens lock after a few wrong PINs.',
};
const locked: Meaning = {
  code: 'pin-locked',
  text: 'its PIN is locked after too many wrong ones',
  hint: "Set a new PIN with the security officer's: pkcs11-tool --module PATH --init-pin",
};
const absent: Meaning = {
  code: 'token-absent',
  text: 'the token is not there',
  hint: 'Put it back; `tlspool tokens list` shows what is there.',
};
const unsupported: Meaning = {
  code: 'key-type-unsupported',
  text: 'the token does not support this kind of key',
  hint: 'Choose another with --key, such as ec-p256 or rsa-2048.',
};
const full: Meaning = {
  code: 'token-full',
  text: 'the token or the machine is out of memory',
  hint: 'Remove keys that are no longer used, or free memory.',
};
const readOnly: Meaning = {
  code: 'token-read-only',
  text: 'the token cannot be written to',
  hint: 'Check its write protection, and for SoftHSM the permissions of its folder.',
};
const broken: Meaning = {
  code: 'token-failed',
  text: 'the token failed',
  hint: 'For SoftHSM: is the disk full, or its folder not writable? Its errors go to the system log.',
};
const noPin: Meaning = {
  code: 'pin-not-set',
  text: 'the token has no user PIN yet',
  hint: "Set it with the security officer's PIN: pkcs11-tool --module PATH --init-pin",
};
const badPin: Meaning = {
  code: 'pin-malformed',
  text: 'the token does not accept a PIN of this length or these characters',
  hint: 'See the lengths that `pkcs11-tool --list-token-slots` shows.',
};

const meanings: ReadonlyMap<string, Meaning> = new Map([
  ['CKR_PIN_INCORRECT', wrongPin],
  ['CKR_PIN_LOCKED', locked],
  ['CKR_PIN_EXPIRED', { ...locked, code: 'pin-expired', text: 'its PIN has expired' }],
  ['CKR_PIN_INVALID', badPin],
  ['CKR_PIN_LEN_RANGE', badPin],
  ['CKR_USER_PIN_NOT_INITIALIZED', noPin],
  ['CKR_TOKEN_NOT_PRESENT', absent],
  ['CKR_TOKEN_NOT_RECOGNIZED', absent],
  ['CKR_DEVICE_REMOVED', absent],
  ['CKR_SLOT_ID_INVALID', absent],
  ['CKR_MECHANISM_INVALID', unsupported],
  ['CKR_MECHANISM_PARAM_INVALID', unsupported],
  ['CKR_CURVE_NOT_SUPPORTED', unsupported],
  ['CKR_DOMAIN_PARAMS_INVALID', unsupported],
  ['CKR_KEY_SIZE_RANGE', unsupported],
  ['CKR_ATTRIBUTE_VALUE_INVALID', unsupported],
  ['CKR_DEVICE_MEMORY', full],
  ['CKR_HOST_MEMORY', full],
  ['CKR_TOKEN_WRITE_PROTECTED', readOnly],
  ['CKR_SESSION_READ_ONLY', readOnly],
  ['CKR_GENERAL_ERROR', broken],
  ['CKR_FUNCTION_FAILED', broken],
  ['CKR_DEVICE_ERROR', broken],
]);

/**
 * A failure of pkcs11js, told in terms of what was attempted ("log in to pkcs11:…"). Errors that are not
 * PKCS #11's are returned as they are.
 */
export function tokenFailure(error: unknown, attempt: string): unknown {
  const returnValue = returnValueOf(error);
  if (returnValue === undefined) return error;
  const meaning = meanings.get(returnValue.name);
  const text = meaning?.text ?? 'the token refused';
  return new TokenError(
    meaning?.code ?? 'token-failed',
    `cannot ${attempt}: ${text} (${returnValue.name})`,
    { hint: meaning?.hint, returnValue, cause: error },
  );
}

/** Runs a PKCS #11 call; see tokenFailure. */
export function attempt<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw tokenFailure(error, what);
  }
}

/** Undefined if the error is not a PKCS #11 return value. */
export function returnValueOf(error: unknown): ReturnValue | undefined {
  if (error instanceof TokenError) return error.returnValue;
  if (!(error instanceof Error) || !error.message.startsWith('CKR_')) return undefined;
  const value = (error as { code?: unknown }).code;
  if (typeof value !== 'number') return undefined;
  const name = error.message;
  // pkcs11js gives all of a vendor's own values one name.
  const vendor = name === 'CKR_VENDOR_DEFINED';
  return { value, name: vendor ? `CKR 0x${value.toString(16).padStart(8, '0')}` : name };
}
