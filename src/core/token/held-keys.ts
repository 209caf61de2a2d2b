import { createHash } from 'node:crypto';
import type { KeyHandle } from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import type { NativeTokens } from './native-tokens.ts';
import { formatPkcs11Uri, type Pkcs11Uri, parsePkcs11Uri, tokenPart } from './uri.ts';

interface HeldKey {
  readonly handle: KeyHandle;
  readonly id: string;
  readonly uri: string;
  users: number;
}

/** Keys that somebody uses: each is made once, and let go of with its last user. */
export class HeldKeys {
  readonly #native: NativeTokens;
  readonly #openToken: (token: Pkcs11Uri) => string;
  readonly #byId = new Map<string, HeldKey>();
  readonly #byHandle = new Map<KeyHandle, HeldKey>();

  /** @param openToken makes a token known, and gives its name in the engine */
  constructor(native: NativeTokens, openToken: (token: Pkcs11Uri) => string) {
    this.#native = native;
    this.#openToken = openToken;
  }

  /** @throws Pkcs11UriError; TlspoolError `not-a-private-key`, `key-type-unsupported` */
  take(uri: string, publicKey: Buffer): KeyHandle {
    const parsed = parsePkcs11Uri(uri);
    if (parsed.type !== undefined && parsed.type !== 'private') {
      throw new TlspoolError('not-a-private-key', `${uri} does not name a private key`);
    }
    const digest = createHash('sha256').update(publicKey).digest('base64');
    const id = `${formatPkcs11Uri(parsed)} ${digest}`;
    const held = this.#byId.get(id) ?? this.#create(id, uri, parsed, publicKey);
    held.users += 1;
    return held.handle;
  }

  release(handle: KeyHandle): void {
    const held = this.#byHandle.get(handle);
    if (held === undefined) return;
    held.users -= 1;
    if (held.users > 0) return;
    this.#byHandle.delete(handle);
    this.#byId.delete(held.id);
    this.#native.releaseKey(handle);
  }

  releaseAll(): void {
    for (const handle of this.#byHandle.keys()) this.#native.releaseKey(handle);
    this.#byId.clear();
    this.#byHandle.clear();
  }

  /** As it was asked for. */
  uri(handle: KeyHandle): string {
    return this.#byHandle.get(handle)?.uri ?? 'a key that was released';
  }

  #create(id: string, uri: string, parsed: Pkcs11Uri, publicKey: Buffer): HeldKey {
    const token = this.#openToken(tokenPart(parsed));
    const handle = this.#native.createKey({
      token,
      id: parsed.id,
      object: parsed.object,
      publicKey,
    });
    const held = { handle, id, uri, users: 0 };
    this.#byId.set(id, held);
    this.#byHandle.set(handle, held);
    return held;
  }
}
