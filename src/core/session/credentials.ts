import type { Engine } from '../engine/engine.ts';
import type { CredentialHandle, KeyHandle } from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import type { Credential, LocalIdentity } from '../identity/local-identities.ts';
import { formatSelector } from '../identity/selector.ts';
import type { StoredRole } from '../store/schema.ts';
import type { Log } from '../telemetry/log.ts';
import { type Expression, parseExpression } from '../trust/expression.ts';

/** What makes keys of `pkcs11:` URIs: the keyring. */
export interface KeyHolder {
  /** Each call needs a `release`. */
  key(uri: string, publicKey: Buffer): KeyHandle;
  release(key: KeyHandle): void;
}

export type CredentialMaker = Pick<Engine, 'createCredential' | 'releaseCredential'>;

/** An identity's credentials as the engine has them. */
export interface Shown {
  /** In order of preference; at least one. */
  readonly handles: readonly CredentialHandle[];
  /** Names this very set: a resumed session must rest on the same one. */
  readonly fingerprint: string;
  /** What remotes must meet to whom one of them is shown, each once. */
  readonly expressions: readonly Expression[];
  /** Roles that they are good for. */
  readonly roles: readonly StoredRole[];
}

/** Who hears of credentials that come into use, and go. */
export interface CredentialWatcher {
  begin(handle: CredentialHandle, credential: Credential): void;
  end(handle: CredentialHandle): void;
}

interface Held {
  readonly credential: Credential;
  readonly expression: Expression | undefined;
  readonly key: KeyHandle;
  readonly handle: CredentialHandle;
}

/** What an identity was found to show. */
interface Found {
  readonly shown: Shown;
  readonly held: readonly Held[];
  /** Epoch ms at which the first of its certificates ends. */
  readonly until: number;
}

/** Keeps the engine's credentials of the identities in use, and lets go of those not used for longest. */
export class Credentials {
  readonly #engine: CredentialMaker;
  readonly #keys: KeyHolder;
  readonly #log: Log;
  readonly #limit: number;
  readonly #watcher: CredentialWatcher | undefined;
  /** By the store's number; in order of use. */
  readonly #held = new Map<number, Held>();
  /** Every handshake asks several times. What the store says of an identity is never changed, but read anew. */
  readonly #found = new WeakMap<LocalIdentity, Found>();

  /** @param limit credentials that are kept at once @param watcher hears of them */
  constructor(
    engine: CredentialMaker,
    keys: KeyHolder,
    log: Log,
    limit = 4096,
    watcher: CredentialWatcher | undefined = undefined,
  ) {
    this.#watcher = watcher;
    this.#engine = engine;
    this.#keys = keys;
    this.#log = log;
    this.#limit = limit;
  }

  /** @throws TlspoolError `no-credential` if none of them can be used */
  handles(identity: LocalIdentity): Shown {
    const known = this.#found.get(identity);
    if (known !== undefined && this.#holdsStill(known)) return known.shown;
    const now = Date.now();
    const usable = usableAt(now, identity);
    const held = usable.flatMap((credential) => this.#find(credential) ?? []);
    if (held.length > 0) {
      const shown = shownBy(held);
      // What could not be used is tried again each time.
      if (held.length === usable.length) {
        this.#found.set(identity, { shown, held, until: firstEnd(usable, now) });
      }
      return shown;
    }
    const name = formatSelector(identity.donai);
    throw new TlspoolError('no-credential', `no credential of ${name} can be used`, {
      hint: 'The log of the pool says why.',
    });
  }

  /** Whether what was found is found again; it has been used then. */
  #holdsStill(found: Found): boolean {
    if (Date.now() >= found.until) return false;
    for (const held of found.held) {
      if (this.#held.get(held.credential.id) !== held) return false;
    }
    for (const held of found.held) {
      this.#held.delete(held.credential.id);
      this.#held.set(held.credential.id, held);
    }
    return true;
  }

  close(): void {
    for (const held of this.#held.values()) this.#release(held);
    this.#held.clear();
  }

  #find(credential: Credential): Held | undefined {
    const held = this.#held.get(credential.id);
    this.#held.delete(credential.id);
    if (held !== undefined && isSame(held.credential, credential)) {
      this.#held.set(credential.id, held);
      return held;
    }
    if (held !== undefined) this.#release(held);
    return this.#create(credential);
  }

  /** One that cannot be used leaves the identity's others in use. */
  #create(credential: Credential): Held | undefined {
    const { id, keyUri } = credential;
    try {
      const held = this.#hold(credential);
      this.#held.set(id, held);
      this.#makeRoom();
      return held;
    } catch (error) {
      if (!(error instanceof TlspoolError)) throw error;
      this.#log.error({ credential: id, key: keyUri, error: error.message }, 'unusable credential');
      return undefined;
    }
  }

  #hold(credential: Credential): Held {
    // What the remote must meet cannot be ignored: where it is not understood, the credential is not used.
    const { validation } = credential;
    const expression = validation === undefined ? undefined : parseExpression(validation);
    const key = this.#keys.key(credential.keyUri, credential.publicKey);
    try {
      const handle = this.#engine.createCredential({ chain: [...credential.chain], key });
      this.#watcher?.begin(handle, credential);
      return { credential, expression, key, handle };
    } catch (error) {
      this.#keys.release(key);
      throw error;
    }
  }

  /** Sessions that show it go on. */
  #release({ handle, key }: Held): void {
    this.#watcher?.end(handle);
    this.#engine.releaseCredential(handle);
    this.#keys.release(key);
  }

  #makeRoom(): void {
    if (this.#held.size <= this.#limit) return;
    for (const [id, held] of this.#held) {
      this.#held.delete(id);
      this.#release(held);
      return;
    }
  }
}

function shownBy(held: readonly Held[]): Shown {
  const handles = held.map(({ handle }) => handle);
  const wishes = [...new Set(held.flatMap(({ expression }) => expression?.text ?? []))];
  return {
    handles,
    fingerprint: [...handles, ...wishes].join(),
    expressions: wishes.map(parseExpression),
    roles: held.map(({ credential }) => credential.role),
  };
}

/** An expired certificate is shown only where there is no other: the peer says what it thinks of it. */
function usableAt(now: number, { credentials }: LocalIdentity): readonly Credential[] {
  const valid = credentials.filter(({ notAfter }) => notAfter.getTime() > now);
  return valid.length > 0 ? valid : credentials;
}

/** When one of them ends, others may have to be shown; those that have ended make no difference any more. */
function firstEnd(credentials: readonly Credential[], now: number): number {
  const ends = credentials.map(({ notAfter }) => notAfter.getTime()).filter((end) => end > now);
  return Math.min(...ends);
}

/** The store is read anew at each change; most credentials stay what they were. */
function isSame(one: Credential, other: Credential): boolean {
  if (one === other) return true;
  return (
    one.keyUri === other.keyUri &&
    one.validation === other.validation &&
    one.role === other.role &&
    one.chain.length === other.chain.length &&
    one.chain.every((certificate, index) => certificate.equals(other.chain[index] ?? noBytes))
  );
}

const noBytes = Buffer.alloc(0);
