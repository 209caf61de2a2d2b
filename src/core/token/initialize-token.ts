/** Making a token of a blank one: label, security officer's PIN, user PIN. */
import { randomInt } from 'node:crypto';
import pkcs11js from 'pkcs11js';
import { attempt, TokenError } from './failure.ts';
import type { LoadedModule } from './loaded-module.ts';
import { type BlankToken, blankToken, type PresentToken, presentTokens } from './present-tokens.ts';

/** Bytes that CK_TOKEN_INFO has for a label. */
const LABEL_LENGTH = 32;

/**
 * A random PIN that the token takes. Digits, because every token takes them; up to 48 of them have 159
 * bits. The caller wipes it.
 */
export function randomPin(limits: { longestPin: number }): Buffer {
  const length = Math.min(48, limits.longestPin);
  return Buffer.from(Array.from({ length }, () => 0x30 + randomInt(10)));
}

/** @throws TokenError `token-no-blank` */
export function requireBlankToken(module: LoadedModule): BlankToken {
  const blank = blankToken(module);
  if (blank === undefined) {
    throw new TokenError('token-no-blank', `${module.config.path} has no blank token`, {
      hint: 'A token that was initialised before is never overwritten: use it as it is, or erase it with its own tool.',
    });
  }
  return blank;
}

/**
 * Gives the blank token a label and a security officer, who then sets the user's PIN. The PIN stays the
 * caller's to wipe.
 * @throws TokenError `token-label-taken`, `bad-label`, `pin-malformed`, …
 */
export function initializeToken(
  module: LoadedModule,
  blank: BlankToken,
  { label, soPin }: { label: string; soPin: Buffer },
): PresentToken {
  const padded = requireFreeLabel(module, label);
  const known = new Set(presentTokens(module).map(({ uri }) => uri));
  attempt(`initialise the token ${label}`, () =>
    module.pkcs11.C_InitToken(blank.slot, soPin.toString(), padded),
  );
  // SoftHSM moves the token to another slot.
  const token = presentTokens(module).find(({ uri }) => !known.has(uri));
  if (token === undefined) {
    throw new TokenError('token-absent', `the token ${label} is gone after its initialisation`);
  }
  return token;
}

/** @throws TokenError `wrong-pin` (the officer's), `pin-malformed`, … */
export function setUserPin(
  module: LoadedModule,
  token: PresentToken,
  { pin, soPin }: { pin: Buffer; soPin: Buffer },
): void {
  const { pkcs11 } = module;
  const flags = pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION;
  attempt(`set the PIN of ${token.uri}`, () => {
    const session = pkcs11.C_OpenSession(token.slot, flags);
    try {
      pkcs11.C_Login(session, pkcs11js.CKU_SO, soPin.toString());
      pkcs11.C_InitPIN(session, pin.toString());
      pkcs11.C_Logout(session);
    } finally {
      pkcs11.C_CloseSession(session);
    }
  });
}

/**
 * The label as C_InitToken wants it.
 * @throws TokenError `token-label-taken`, `bad-label`
 */
export function requireFreeLabel(module: LoadedModule, label: string): string {
  const padded = padLabel(label);
  const namesake = presentTokens(module).find(({ attributes }) => attributes.token === label);
  if (namesake === undefined) return padded;
  throw new TokenError('token-label-taken', `there is a token ${label} already: ${namesake.uri}`, {
    hint: 'Choose another label with --label.',
  });
}

/** C_InitToken reads 32 bytes, blank-padded and not ended by a NUL. */
function padLabel(label: string): string {
  const length = Buffer.byteLength(label);
  if (length === 0 || length > LABEL_LENGTH || /[\p{Cc}]/u.test(label)) {
    throw new TokenError(
      'bad-label',
      `a token's label has 1 to ${LABEL_LENGTH} bytes and no control characters, got ${length} bytes`,
    );
  }
  return label + ' '.repeat(LABEL_LENGTH - length);
}
