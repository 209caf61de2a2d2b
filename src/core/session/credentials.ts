import type { Engine } from '../engine/engine.ts';
import type { CredentialHandle, KeyHandle } from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import type { Credential, LocalIdentity } from '../identity/local-identities.ts';
import { formatSelector } from '../identity/selector.ts';
import type { Log } from '../telemetry/log.ts';

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
}

interface Held {
  readonly credential: Credential;
  readonly key: KeyHandle;
  readonly handle: CredentialHandle;
}

/** Keeps the engine's credentials of the identities in use, and lets go of those not used for longest. */
export class Credentials {
  readonly #engine: CredentialMaker;
  readonly #keys: KeyHolder;
  readonly #log: Log;
  readonly #limit: number;
  /** By the store's number; in order of use. */
  readonly #held = new Map<number, Held>();

  /** @param limit credentials that are kept at once */
  constructor(engine: CredentialMaker, keys: KeyHolder, log: Log, limit = 4096) {
    this.#engine = engine;
    this.#keys = keys;
    this.#log = log;
    this.#limit = limit;
  }

  /** @throws TlspoolError `no-credential` if none of them can be used */
  handles(identity: LocalIdentity): Shown {
    const handles: CredentialHandle[] = [];
    let fingerprint = '';
    for (const credential of usable(identity)) {
      const handle = this.#handle(credential);
      if (handle === undefined) continue;
      handles.push(handle);
      fingerprint += `${handle},`;
    }
    if (handles.length > 0) return { handles, fingerprint };
    const name = formatSelector(identity.donai);
    throw new TlspoolError('no-credential', `no credential of ${name} can be used`, {
      hint: 'The log of the pool says why.',
    });
  }

  close(): void {
    for (const held of this.#held.values()) this.#release(held);
    this.#held.clear();
  }

  #handle(credential: Credential): CredentialHandle | undefined {
    const held = this.#held.get(credential.id);
    this.#held.delete(credential.id);
    if (held !== undefined && isSame(held.credential, credential)) {
      this.#held.set(credential.id, held);
      return held.handle;
    }
    if (held !== undefined) this.#release(held);
    return this.#create(credential);
  }

  /** One that cannot be used leaves the identity's others in use. */
  #create(credential: Credential): CredentialHandle | undefined {
    const { id, keyUri } = credential;
    try {
      refuseExpression(credential);
      const held = this.#hold(credential);
      this.#held.set(id, held);
      this.#makeRoom();
      return held.handle;
    } catch (error) {
      if (!(error instanceof TlspoolError)) throw error;
      this.#log.error({ credential: id, key: keyUri, error: error.message }, 'unusable credential');
      return undefined;
    }
  }

  #hold(credential: Credential): Held {
    const key = this.#keys.key(credential.keyUri, credential.publicKey);
    try {
      const handle = this.#engine.createCredential({ chain: [...credential.chain], key });
      return { credential, key, handle };
    } catch (error) {
      this.#keys.release(key);
      throw error;
    }
  }

  /** Sessions that show it go on. */
  #release({ handle, key }: Held): void {
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

/** What the remote must meet cannot be ignored: a credential that asks for more than we evaluate is not used. */
function refuseExpression({ validation }: Credential): void {
  if (validation === undefined) return;
  throw new TlspoolError(
    'expression-unknown',
    `its validation expression ${validation} is not evaluated by this version`,
  );
}

/** An expired certificate is shown only where there is no other: the peer says what it thinks of it. */
function usable({ credentials }: LocalIdentity): readonly Credential[] {
  const now = Date.now();
  const valid = credentials.filter(({ notAfter }) => notAfter.getTime() > now);
  return valid.length > 0 ? valid : credentials;
}

/** The store is read anew at each change; most credentials stay what they were. */
function isSame(one: Credential, other: Credential): boolean {
  if (one === other) return true;
  return (
    one.keyUri === other.keyUri &&
    one.chain.length === other.chain.length &&
    one.chain.every((certificate, index) => certificate.equals(other.chain[index] ?? noBytes))
  );
}

const noBytes = Buffer.alloc(0);
