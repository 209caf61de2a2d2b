import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { EngineEvents } from '../engine/events.ts';
import type { KeyHandle, SessionId, TokenEvent, TokenState } from '../engine/types.ts';
import { TokenError } from './failure.ts';
import { HeldKeys } from './held-keys.ts';
import type { ModuleConfig } from './modules.ts';
import { NativeTokens, type NoPin } from './native-tokens.ts';
import { p256PublicKey } from './p256-public-key.ts';
import { formatPinSource, type PinSource } from './pin-source.ts';
import { pinStateOf } from './pin-state.ts';
import { SourcedLogin } from './sourced-login.ts';
import {
  awaitsTouch,
  completeUri,
  descriptionOf,
  statusOf,
  type TokenDescription,
  type TokenStatus,
} from './token-status.ts';
import { TouchWatch } from './touch-watch.ts';
import {
  formatPkcs11Uri,
  matchPkcs11Uri,
  type Pkcs11Uri,
  parsePkcs11Uri,
  tokenPart,
} from './uri.ts';

/** What a Keyring tells an operator, as pino and others take it. */
export interface KeyringLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface KeyringOptions {
  readonly modules: readonly ModuleConfig[];
  /** Where the PIN of the token of that URI comes from; undefined: someone calls `login`. */
  readonly pinSource: (token: string) => PinSource | undefined;
  readonly log: KeyringLog;
  /** Signing threads, and with them sessions, for each token; 32 if absent. The token may bear fewer. */
  readonly signers?: number | undefined;
  /** Keys with CKA_ALWAYS_AUTHENTICATE: whether each signature asks for a PIN; unless, that of the log-in is kept. */
  readonly askForEachSignature?: boolean | undefined;
  /** ms between revivals of a module, at least; 30,000 if absent. */
  readonly revivalInterval?: number | undefined;
}

interface KeyringEventMap {
  /** A token waits for `login` or `enter`; it has no PIN source, or that did not help. */
  'needs-pin': [token: string];
  /** It does not wait any more, or not for its PIN. */
  settled: [token: string];
  /** It seems to wait for a person's finger, or does no more. */
  touch: [token: string, awaited: boolean];
  /** Whatever happened to it. */
  changed: [token: string, state: TokenStatus['state']];
}

/** A key pair that was made for a while. */
export interface MadeKey {
  /** As `changed` names it. */
  readonly token: string;
  readonly uri: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
}

/**
 * The private keys of the daemon, all in PKCS #11 tokens, and the log-ins to these. Keys and tokens are known by
 * their `pkcs11:` URIs and looked for when they are first used. One per process.
 */
export class Keyring extends EventEmitter<KeyringEventMap> {
  readonly #options: KeyringOptions;
  readonly #native = new NativeTokens();
  readonly #keys = new HeldKeys(this.#native, (token) => this.#open(token));
  /** Tokens that were named, and how each is logged in to, by URI. */
  readonly #logins = new Map<string, SourcedLogin | undefined>();
  /** Tokens that someone locked by hand: their PIN sources are not used until someone logs in by hand. */
  readonly #locked = new Set<string>();
  readonly #touches: TouchWatch;
  #closed = false;

  /** Loads the modules. One that cannot be used is reported to the log: its tokens are absent then. */
  constructor(options: KeyringOptions) {
    super();
    this.#options = options;
    if (options.signers !== undefined) this.#native.limitSigners(options.signers);
    for (const module of options.modules) {
      try {
        this.#native.loadModule({ ...module, revivalInterval: options.revivalInterval });
      } catch (error) {
        options.log.error({ module: module.path, err: error }, (error as Error).message);
      }
    }
    this.#native.askForEachSignature(options.askForEachSignature === true);
    EngineEvents.instance().onToken((event) => this.#onToken(event));
    this.#touches = new TouchWatch(
      () => this.#logins.keys(),
      (token) => awaitsTouch(this.#native.status(token)),
      (token, awaited) => this.#onTouch(token, awaited),
    );
  }

  /**
   * The key that `uri` names, whose public half is `publicKey` (SubjectPublicKeyInfo, DER). No token is asked.
   * The same key is the same handle; each call needs a `release`.
   * @throws Pkcs11UriError; TlspoolError `not-a-private-key`, `key-type-unsupported`
   */
  key(uri: string, publicKey: Buffer): KeyHandle {
    return this.#keys.take(uri, publicKey);
  }

  /** Handshakes that are using the key go on. */
  release(handle: KeyHandle): void {
    this.#keys.release(handle);
  }

  /** Finds the key now, and logs in for that. Waits for the PIN if there is none yet. @throws TokenError */
  prepare(handle: KeyHandle): Promise<void> {
    return this.#native.prepareKey(handle, this.#keys.uri(handle));
  }

  /**
   * Signs something and verifies it with the public key.
   * @throws TokenError, `key-mismatch` if the token's key is another
   */
  async verify(handle: KeyHandle): Promise<void> {
    const [scheme] = this.#native.signatureSchemes(handle);
    if (scheme !== undefined)
      await this.sign(handle, scheme, Buffer.from('tlspool: is it this key?'));
  }

  /**
   * A signature of a TLS SignatureScheme (RFC 8446 section 4.2.3) over `message`, in the form that TLS has.
   * @throws TokenError
   */
  sign(handle: KeyHandle, scheme: number, message: Buffer): Promise<Buffer> {
    return this.#native.sign(handle, this.#keys.uri(handle), scheme, message);
  }

  /**
   * Makes a P-256 key pair in the token in which `uri` names something. It is there as long as we are logged in:
   * `changed` tells of the token. Waits for the PIN if there is none yet.
   * @throws TokenError
   */
  async makeKey(uri: string): Promise<MadeKey> {
    const token = tokenPart(parsePkcs11Uri(uri));
    const name = this.#open(token);
    const id = randomBytes(16);
    const point = await this.#native.makeKey(name, id);
    return {
      token: name,
      uri: formatPkcs11Uri({ ...token, id, type: 'private' }),
      publicKey: p256PublicKey(point),
    };
  }

  /**
   * Makes a token known by its URI, so that `tokens` lists it, and nothing more.
   * @throws Pkcs11UriError
   */
  open(token: string): void {
    this.#open(parsePkcs11Uri(token));
  }

  /** Finds the token now and logs in by its PIN source. Waits for `login` if it has none. @throws TokenError */
  prepareToken(token: string): Promise<void> {
    return this.#native.prepareToken(this.#open(parsePkcs11Uri(token)));
  }

  /** All tokens that were named by a key, or to `open`. */
  tokens(): TokenStatus[] {
    return [...this.#logins].map(([uri, login]) =>
      statusOf(uri, this.#native.status(uri), {
        source: login?.source,
        lockedByHand: this.#locked.has(uri),
      }),
    );
  }

  /**
   * Logs in with a PIN that someone gave, and lets go on what waits for it. The PIN is tried once, and wiped.
   * @throws TokenError `wrong-pin`, `pin-locked` and others
   */
  async login(token: string, pin: Buffer): Promise<void> {
    const uri = this.#open(parsePkcs11Uri(token));
    await this.#native.login(uri, pin, { repeatable: false, patient: false });
    this.#loggedIn(uri);
  }

  /**
   * The same with a PIN that a person was asked for: if it is wrong, what waits goes on waiting, so that the person may
   * be asked again. Whoever does not ask again says `giveUp`.
   * @param token as `needs-pin` and `tokens` name it
   * @throws TokenError `wrong-pin`, `pin-locked` and others
   */
  async enter(token: string, pin: Buffer): Promise<void> {
    await this.#native.login(token, pin, { repeatable: false, patient: true });
    this.#loggedIn(token);
  }

  /** Nobody will log in: what waits for that fails, with that reason. What comes later waits anew. */
  giveUp(token: string, why: NoPin): void {
    this.#native.giveUp(token, why);
  }

  /**
   * Signatures that are under way end, then we are logged out; a PIN that is kept is forgotten, and the token's PIN
   * source is not used until someone has logged in by hand. @param token as `tokens` names it
   */
  async lock(token: string): Promise<void> {
    this.#locked.add(token);
    this.#logins.get(token)?.stop();
    await this.#native.logout(token);
    this.emit('changed', token, 'unused');
  }

  /** Sessions whose handshakes wait for the token. @param token as `needs-pin` and `tokens` name it */
  waiters(token: string): readonly SessionId[] {
    return this.#native.waiters(token);
  }

  /** What a token calls itself, its attributes being '' before it was seen. @param token as `needs-pin` names it */
  describe(token: string): TokenDescription {
    return descriptionOf(token, this.#native.status(token));
  }

  /**
   * The token of that label or `pkcs11:` URI, as `tokens` has it and as the other methods want it named.
   * @throws TokenError `token-absent`, `token-ambiguous`
   */
  named(text: string): string {
    const wanted = text.startsWith('pkcs11:') ? parsePkcs11Uri(text) : { token: text };
    const found = [...this.#logins.keys()].filter((uri) => {
      const known = parsePkcs11Uri(completeUri(uri, this.#native.status(uri)));
      return matchPkcs11Uri(wanted, known) || matchPkcs11Uri(known, wanted);
    });
    const [token, another] = found;
    if (token !== undefined && another === undefined) return token;
    const names = this.tokens().map(({ uri }) => uri);
    throw new TokenError(
      token === undefined ? 'token-absent' : 'token-ambiguous',
      `${token === undefined ? 'no token' : 'more than one token'} of this pool is ${text}`,
      { hint: names.length === 0 ? undefined : `There are: ${names.join(', ')}` },
    );
  }

  /** PIN sources are asked for and read anew, where a token waits for its PIN or refused it. */
  reload(): void {
    for (const [uri, login] of this.#logins) {
      const source = this.#options.pinSource(uri);
      if (describe(source) !== describe(login?.source)) {
        login?.stop();
        this.#logins.set(uri, source && this.#loginFrom(uri, source));
      }
      const { state } = this.#native.status(uri);
      const refused = state === 'needs-pin' || state === 'wrong-pin';
      if (refused && !this.#locked.has(uri)) void this.#logins.get(uri)?.attempt();
    }
  }

  /** Lets signatures under way end, logs out everywhere and gives up all keys. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#touches.stop();
    for (const login of this.#logins.values()) login?.stop();
    this.#keys.releaseAll();
    await Promise.all([...this.#logins.keys()].map((uri) => this.#native.logout(uri)));
  }

  /** The one spelling of the token's URI, by which the engine has it. */
  #open(token: Pkcs11Uri): string {
    const attributes = tokenPart(token);
    const uri = formatPkcs11Uri(attributes);
    if (this.#logins.has(uri)) return uri;
    // Named by fewer attributes than before, it is the same token: there is one log-in to it.
    const [known, another] = [...this.#logins.keys()].filter((each) =>
      matchPkcs11Uri(attributes, parsePkcs11Uri(each)),
    );
    if (known !== undefined && another === undefined) return known;
    this.#native.openToken({
      uri,
      label: attributes.token,
      serial: attributes.serial,
      manufacturer: attributes.manufacturer,
      model: attributes.model,
      libraryManufacturer: attributes.libraryManufacturer,
      libraryDescription: attributes.libraryDescription,
    });
    const source = this.#options.pinSource(uri);
    this.#logins.set(uri, source && this.#loginFrom(uri, source));
    return uri;
  }

  #loggedIn(token: string): void {
    this.#locked.delete(token);
    this.#logins.get(token)?.stop();
  }

  #loginFrom(token: string, source: PinSource): SourcedLogin {
    return new SourcedLogin(source, {
      login: (pin) => this.#native.login(token, pin, { repeatable: true, patient: false }),
      failed: (error) => {
        const details = { token, from: formatPinSource(source), err: error };
        this.#options.log.error(details, (error as Error).message);
      },
    });
  }

  #onTouch(token: string, awaited: boolean): void {
    if (awaited) {
      const message = 'the token does not answer: does it wait for a touch?';
      this.#options.log.warn({ token }, message);
    }
    this.emit('touch', token, awaited);
  }

  #onToken({ token, state, error }: TokenEvent): void {
    if (this.#closed || !this.#logins.has(token)) return;
    this.#report(token, state, error);
    this.emit('changed', token, state);
    if (state !== 'needs-pin') {
      this.emit('settled', token);
      return;
    }
    const login = this.#logins.get(token);
    if (login === undefined || !this.#mayTry(token)) this.emit('needs-pin', token);
    else void login.attempt().then(() => this.#askIfStillNeeded(token));
  }

  /** A wrong PIN now would lock the token: somebody has to answer for that. */
  #mayTry(token: string): boolean {
    if (this.#locked.has(token)) return false;
    if (pinStateOf(this.#native.status(token).flags) !== 'final-try') return true;
    this.#options.log.error(
      { token },
      'one wrong PIN more locks the token: it is not logged in to by itself',
    );
    return false;
  }

  #askIfStillNeeded(token: string): void {
    if (!this.#closed && this.#native.status(token).state === 'needs-pin') {
      this.emit('needs-pin', token);
    }
  }

  #report(token: string, state: TokenState, error: string): void {
    const { log } = this.#options;
    const pinState = pinStateOf(this.#native.status(token).flags);
    const details = { token, state, error, pinState };
    if (pinState === 'count-low' || pinState === 'final-try') {
      log.warn(details, 'a wrong PIN was given to the token: too many of them lock it');
    }
    const logsIn =
      state === 'needs-pin' && this.#logins.get(token) !== undefined && !this.#locked.has(token);
    const [level, message] = logsIn ? loggingIn : reports[state];
    log[level](details, message);
  }
}

/** Nobody has to do anything: there is a source. */
const loggingIn = ['info', 'the token needs its PIN: it is taken from its source'] as const;

const reports: Readonly<Record<TokenState, readonly ['info' | 'warn' | 'error', string]>> = {
  ready: ['info', 'the token is ready'],
  'needs-pin': ['info', 'the token waits for its PIN'],
  'wrong-pin': ['error', 'the PIN is wrong; it is not tried again until its source changes'],
  locked: ['error', 'the token is locked after too many wrong PINs'],
  absent: ['warn', 'the token is not there'],
  failing: ['warn', 'the token fails'],
};

function describe(source: PinSource | undefined): string {
  return source === undefined ? '' : formatPinSource(source);
}
