import { EngineEvents } from '../engine/events.ts';
import { loadNative } from '../engine/native.ts';
import type { KeyHandle, SessionId, TokenState } from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import { TokenError, tokenFailure } from './failure.ts';

/** What `src/native/token` gives, in its own terms. Tokens go by their URI as it was given to `openToken`. */
interface TokenFunctions {
  loadModule(module: NativeModule): void;
  openToken(token: NativeToken): void;
  tokenStatus(uri: string): NativeTokenStatus;
  prepareToken(uri: string, request: number): void;
  createKey(key: NativeKey): KeyHandle;
  releaseKey(key: KeyHandle): void;
  prepareKey(key: KeyHandle, request: number): void;
  signatureSchemes(key: KeyHandle): number[];
  sign(key: KeyHandle, scheme: number, message: Buffer, request: number): void;
  login(uri: string, pin: Buffer, repeatable: boolean, patient: boolean, request: number): void;
  makeKey(uri: string, id: Buffer, request: number): void;
  giveUp(uri: string, why: NoPin): void;
  tokenWaiters(uri: string): SessionId[];
  logout(uri: string, request: number): void;
  limitSigners(count: number): void;
  askForEachSignature(ask: boolean): void;
}

export interface NativeModule {
  readonly path: string;
  readonly softhsmConf?: string | undefined;
  /** ms between revivals (C_Finalize and C_Initialize), at least; 30,000 if absent. */
  readonly revivalInterval?: number | undefined;
}

/** Why nobody logs in: who was asked did not want to, gave wrong PINs only, or the program that asks went away. */
export type NoPin = 'declined' | 'wrong-pin' | 'seat-lost';

/** Attributes that are absent match any token. */
export interface NativeToken {
  readonly uri: string;
  readonly label?: string | undefined;
  readonly serial?: string | undefined;
  readonly manufacturer?: string | undefined;
  readonly model?: string | undefined;
  readonly libraryManufacturer?: string | undefined;
  readonly libraryDescription?: string | undefined;
}

export interface NativeTokenStatus {
  readonly state: TokenState | 'unused';
  /** Name of the PKCS #11 return value behind it; '' if nothing is wrong. */
  readonly error: string;
  /** CK_TOKEN_INFO.flags as last seen; meaningless until `located`. */
  readonly flags: number;
  /** Whether the token was ever seen; the attributes below are then those of the token. */
  readonly located: boolean;
  readonly label: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly serial: string;
  /** Threads, each with a session. */
  readonly workers: number;
  /** Signatures that wait. */
  readonly queued: number;
  /** CKM_… numbers. */
  readonly mechanisms: readonly number[];
  /** ms for which the oldest signature is under way that the token works on; 0: none is. */
  readonly signing: number;
}

export interface NativeKey {
  readonly token: string;
  /** CKA_ID and CKA_LABEL; absent ones match any key. */
  readonly id?: Buffer | undefined;
  readonly object?: string | undefined;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
}

/** The engine's side of tokens, with promises where it answers later. Their errors are TokenErrors. */
export class NativeTokens {
  readonly #native = loadNative<TokenFunctions>();
  readonly #events = EngineEvents.instance();

  /** @throws TokenError `module-unusable` */
  loadModule(module: NativeModule): void {
    try {
      this.#native.loadModule(module);
    } catch (cause) {
      throw new TokenError(
        'module-unusable',
        `cannot use the PKCS #11 module ${module.path}: ${(cause as Error).message}`,
        { cause, hint: 'It must be a PKCS #11 library for this machine, with what it needs.' },
      );
    }
  }

  openToken(token: NativeToken): void {
    this.#native.openToken(token);
  }

  status(uri: string): NativeTokenStatus {
    return this.#native.tokenStatus(uri);
  }

  /** @throws TokenError `key-type-unsupported` */
  createKey(key: NativeKey): KeyHandle {
    try {
      return this.#native.createKey(key);
    } catch (cause) {
      throw new TokenError(
        'key-type-unsupported',
        `cannot use the key: ${(cause as Error).message}`,
        {
          cause,
        },
      );
    }
  }

  releaseKey(key: KeyHandle): void {
    this.#native.releaseKey(key);
  }

  /** TLS SignatureSchemes (RFC 8446 section 4.2.3) that keys of its kind make, the best first. */
  signatureSchemes(key: KeyHandle): number[] {
    return this.#native.signatureSchemes(key);
  }

  /** Finds the token and logs in. */
  prepareToken(uri: string): Promise<void> {
    return this.#ask(`log in to ${uri}`, (request) => this.#native.prepareToken(uri, request));
  }

  /** Finds the key, after logging in. */
  prepareKey(key: KeyHandle, uri: string): Promise<void> {
    return this.#ask(`find ${uri}`, (request) => this.#native.prepareKey(key, request));
  }

  /** A signature in TLS form, which was verified. */
  sign(key: KeyHandle, uri: string, scheme: number, message: Buffer): Promise<Buffer> {
    return this.#ask(`sign with ${uri}`, (request) =>
      this.#native.sign(key, scheme, message, request),
    );
  }

  /** `pin` is wiped, also on failure. `patient`: what waits for the log-in survives a wrong PIN, as another is asked for. */
  async login(
    uri: string,
    pin: Buffer,
    { repeatable, patient }: { readonly repeatable: boolean; readonly patient: boolean },
  ): Promise<void> {
    try {
      await this.#ask(`log in to ${uri}`, (request) =>
        this.#native.login(uri, pin, repeatable, patient, request),
      );
    } finally {
      pin.fill(0);
    }
  }

  /** CKA_EC_POINT of a P-256 key pair that is made in the token and stays until we log out. */
  makeKey(uri: string, id: Buffer): Promise<Buffer> {
    return this.#ask(`make a key in ${uri}`, (request) => this.#native.makeKey(uri, id, request));
  }

  /** What waits for a log-in fails; what comes later waits anew. */
  giveUp(uri: string, why: NoPin): void {
    this.#native.giveUp(uri, why);
  }

  /** Sessions whose handshakes wait for a signature. */
  waiters(uri: string): readonly SessionId[] {
    return this.#native.tokenWaiters(uri);
  }

  logout(uri: string): Promise<void> {
    return this.#ask(`log out of ${uri}`, (request) => this.#native.logout(uri, request));
  }

  /** Keys with CKA_ALWAYS_AUTHENTICATE: a PIN for each signature, or the one of the log-in for all. */
  askForEachSignature(ask: boolean): void {
    this.#native.askForEachSignature(ask);
  }

  limitSigners(count: number): void {
    this.#native.limitSigners(count);
  }

  async #ask<Value>(attempt: string, start: (request: number) => void): Promise<Value> {
    try {
      return await this.#events.request<Value>(start);
    } catch (error) {
      throw error instanceof TlspoolError ? failureOf(error, attempt) : error;
    }
  }
}

/** What the engine found out itself: its names for that. */
const ownFindings: ReadonlyMap<string, { code: string; text: string; hint: string }> = new Map([
  [
    'KEY_NOT_FOUND',
    {
      code: 'key-missing',
      text: 'the token has no private key of that name',
      hint: 'See `pkcs11-tool --login --list-objects` for what it has.',
    },
  ],
  [
    'KEY_AMBIGUOUS',
    {
      code: 'key-ambiguous',
      text: 'the token has several private keys of that name',
      hint: 'Name the key by its id, too.',
    },
  ],
  [
    'TOKEN_AMBIGUOUS',
    {
      code: 'token-ambiguous',
      text: 'several tokens bear that name',
      hint: 'Name the token by its serial number, too; `tlspool tokens list` shows it.',
    },
  ],
  [
    'KEY_MISMATCH',
    {
      code: 'key-mismatch',
      text: "the token's private key does not belong to the certificate",
      hint: 'Check which key the certificate was made for.',
    },
  ],
  [
    'PIN_DECLINED',
    {
      code: 'pin-declined',
      text: 'who was asked for the PIN did not give it',
      hint: 'The next use of the key asks again.',
    },
  ],
  [
    'PIN_SEAT_LOST',
    {
      code: 'pin-seat-lost',
      text: 'the program that was asked for the PIN went away',
      hint: 'Run `tlspool pin`.',
    },
  ],
]);

/** An answer's `code` is the number of the return value, its message the name. */
function failureOf(answer: TlspoolError, attempt: string): unknown {
  const returnValue = { value: Number(answer.code), name: answer.message };
  const finding = ownFindings.get(returnValue.name);
  if (finding === undefined) {
    const error = Object.assign(new Error(returnValue.name), { code: returnValue.value });
    return tokenFailure(error, attempt);
  }
  return new TokenError(finding.code, `cannot ${attempt}: ${finding.text}`, {
    hint: finding.hint,
    returnValue,
  });
}
