/** A logged-in session with one token, in a process of the command line. */
import pkcs11js from 'pkcs11js';
import { attempt, returnValueOf, TokenError, tokenFailure } from './failure.ts';
import { LoadedModule } from './loaded-module.ts';
import type { ModuleConfig } from './modules.ts';
import { findToken, type PresentToken } from './present-tokens.ts';
import { formatPkcs11Uri, type Pkcs11Uri, parsePkcs11Uri, tokenPart } from './uri.ts';

/**
 * Opens the token and logs in as its user. The PIN is tried once, and not at all if it is locked or one
 * wrong PIN from it. `pin` stays the caller's to wipe; without one only public objects are seen.
 * @throws TlspoolError, TokenError `token-absent`, `wrong-pin`, `pin-locked`, `pin-final-try`, …
 */
export function openToken(config: ModuleConfig, tokenUri: string, pin?: Buffer): TokenSession {
  const wanted = parsePkcs11Uri(tokenUri);
  const module = LoadedModule.open(config);
  try {
    return TokenSession.open(module, findToken(module, wanted), pin);
  } catch (error) {
    module.close();
    throw error;
  }
}

export class TokenSession implements Disposable {
  /** Canonical URI of the token. */
  readonly uri: string;
  readonly attributes: Pkcs11Uri;
  readonly module: LoadedModule;
  readonly handle: pkcs11js.Handle;
  /** For keys that want it before every signature (CKA_ALWAYS_AUTHENTICATE). */
  readonly #pin: Buffer | undefined;
  #open = true;

  /** Takes over its user's share of the module. */
  static open(module: LoadedModule, token: PresentToken, pin?: Buffer): TokenSession {
    const { pkcs11 } = module;
    const flags = pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION;
    const handle = attempt(`open a session with ${token.uri}`, () =>
      pkcs11.C_OpenSession(token.slot, flags),
    );
    try {
      if (pin !== undefined) logIn(module, token, handle, pin);
      return new TokenSession(module, token, handle, pin);
    } catch (error) {
      pkcs11.C_CloseSession(handle);
      throw error;
    }
  }

  private constructor(
    module: LoadedModule,
    token: PresentToken,
    handle: pkcs11js.Handle,
    pin: Buffer | undefined,
  ) {
    this.module = module;
    this.uri = token.uri;
    this.attributes = token.attributes;
    this.handle = handle;
    this.#pin = pin === undefined ? undefined : Buffer.from(pin);
  }

  get pkcs11(): pkcs11js.PKCS11 {
    return this.module.pkcs11;
  }

  /** Handles of all objects that match. */
  find(template: pkcs11js.Template): pkcs11js.Handle[] {
    const { pkcs11, handle } = this;
    return attempt(`search ${this.uri}`, () => {
      pkcs11.C_FindObjectsInit(handle, template);
      try {
        const found: pkcs11js.Handle[] = [];
        for (;;) {
          const some = pkcs11.C_FindObjects(handle, 64);
          if (some.length === 0) return found;
          found.push(...some);
        }
      } finally {
        pkcs11.C_FindObjectsFinal(handle);
      }
    });
  }

  /** After C_SignInit, for a key with CKA_ALWAYS_AUTHENTICATE. */
  authenticateOperation(): void {
    const pin = this.#pin;
    if (pin === undefined) {
      throw new TokenError('needs-pin', `the key in ${this.uri} wants the PIN for each signature`);
    }
    attempt(`authenticate a signature of ${this.uri}`, () =>
      this.pkcs11.C_Login(this.handle, pkcs11js.CKU_CONTEXT_SPECIFIC, pinText(pin)),
    );
  }

  /** Ends the session; the log-in ends with the token's last session in this process. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#pin?.fill(0);
    try {
      attempt(`close the session with ${this.uri}`, () => this.pkcs11.C_CloseSession(this.handle));
    } finally {
      this.module.close();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The URI of an object in the session's token. */
export function objectUri(
  session: TokenSession,
  object: Pick<Pkcs11Uri, 'id' | 'object' | 'type'>,
): string {
  return formatPkcs11Uri({ ...tokenPart(session.attributes), ...object });
}

function logIn(module: LoadedModule, token: PresentToken, session: pkcs11js.Handle, pin: Buffer) {
  refuseBeforeTrying(token);
  try {
    module.pkcs11.C_Login(session, pkcs11js.CKU_USER, pinText(pin));
  } catch (error) {
    if (returnValueOf(error)?.name === 'CKR_USER_ALREADY_LOGGED_IN') return;
    throw tokenFailure(error, `log in to ${token.uri}`);
  }
}

function refuseBeforeTrying(token: PresentToken): void {
  if (token.pinState === 'locked') {
    throw new TokenError('pin-locked', `the PIN of ${token.uri} is locked: too many wrong ones`, {
      hint: "Set a new PIN with the security officer's: pkcs11-tool --module PATH --init-pin",
    });
  }
  if (token.pinState === 'final-try') {
    throw new TokenError('pin-final-try', `one more wrong PIN would lock ${token.uri}`, {
      hint: 'Check the PIN source, then log in once by hand: pkcs11-tool --module PATH --login --list-objects',
    });
  }
  if (token.pinState === 'not-set') {
    throw new TokenError('pin-not-set', `${token.uri} has no user PIN yet`, {
      hint: "Set it with the security officer's PIN: pkcs11-tool --module PATH --init-pin",
    });
  }
}

/** PKCS #11 PINs are UTF-8. pkcs11js takes them as strings, which live as long as this short process. */
function pinText(pin: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(pin);
  } catch (cause) {
    throw new TokenError('pin-malformed', 'the PIN is not UTF-8 text', { cause });
  }
}
