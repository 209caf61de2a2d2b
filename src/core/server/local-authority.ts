import { X509Certificate } from 'node:crypto';
import { type Authority, listAuthorities } from '../authority/authorities.ts';
import { type AuthoritySigner, authoritySigner } from '../authority/authority-signer.ts';
import { makeCrl } from '../authority/crl.ts';
import { findIssued, listIssued } from '../authority/issued.ts';
import { Responder } from '../authority/responder.ts';
import { TlspoolError } from '../errors.ts';
import type { Store } from '../store/store.ts';
import type { Keyring } from '../token/keyring.ts';
import { DerError } from '../trust/der.ts';
import { fingerprintsOf, sha256 } from '../trust/fingerprints.ts';

/** TLS SignatureScheme numbers: ecdsa_secp256r1_sha256, rsa_pkcs1_sha256. */
const schemes = { ec: 0x0403, rsa: 0x0401 } as const;

/** ms for which an answer is given again as it was. */
const KEPT = 30 * 60 * 1000;
const MOST_KEPT = 1024;

interface Kept {
  readonly content: Buffer;
  readonly generation: number;
  readonly until: number;
}

/** The local CA in a running pool: it says what it has revoked, signed by its keys in the token. */
export class LocalAuthority {
  readonly #store: Store;
  readonly #roots: readonly AuthoritySigner[];
  readonly #responder: Responder;
  readonly #kept = new Map<string, Kept>();

  /** undefined: the pool has no local CA. */
  static async open(
    store: Store,
    keyring: Pick<Keyring, 'key' | 'sign'>,
  ): Promise<LocalAuthority | undefined> {
    try {
      const authorities = await listAuthorities(store);
      return new LocalAuthority(
        store,
        authorities.map((authority) => daemonSigner(keyring, authority)),
      );
    } catch (error) {
      if (error instanceof TlspoolError && error.code === 'no-authority') return undefined;
      throw error;
    }
  }

  private constructor(store: Store, roots: readonly AuthoritySigner[]) {
    this.#store = store;
    this.#roots = roots;
    this.#responder = new Responder(roots, (authority, serial) =>
      findIssued(store, authority, serial),
    );
  }

  /** OCSPResponse to an OCSPRequest, DER both. */
  answer(request: Buffer): Promise<Buffer> {
    return this.#keeping(`answer ${sha256(request)}`, () => this.#responder.answer(request));
  }

  /** What to staple to a certificate (DER) that it signed and has not revoked. */
  async staple(certificate: Buffer): Promise<Buffer | undefined> {
    try {
      const { serial, certificate: fingerprint } = fingerprintsOf(certificate);
      for (const { authority } of this.#roots) {
        const record = await findIssued(this.#store, authority.id, serial);
        if (record === undefined || sha256(record.certificate) !== fingerprint) continue;
        if (record.revokedAt !== undefined) return undefined;
        return await this.#keeping(`staple ${fingerprint}`, () => this.#responder.about(record));
      }
      return undefined;
    } catch (error) {
      if (error instanceof DerError) return undefined;
      throw error;
    }
  }

  /** The revocation list of a root, DER. */
  async list(kind: Authority['kind']): Promise<Buffer | undefined> {
    const root = this.#roots.find(({ authority }) => authority.kind === kind);
    if (root === undefined) return undefined;
    return this.#keeping(`list ${kind}`, async () => makeCrl(root, await listIssued(this.#store)));
  }

  /** Until something is revoked, or it has been said for a while. */
  async #keeping(key: string, make: () => Promise<Buffer>): Promise<Buffer> {
    const generation = await this.#store.trustGeneration();
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.generation === generation && kept.until > Date.now()) {
      return kept.content;
    }
    const content = await make();
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
    this.#kept.set(key, { content, generation, until: Date.now() + KEPT });
    return content;
  }
}

function daemonSigner(
  keyring: Pick<Keyring, 'key' | 'sign'>,
  authority: Authority,
): AuthoritySigner {
  const { publicKey } = new X509Certificate(authority.certificate);
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const handle = keyring.key(authority.keyUri, spki);
  return authoritySigner(authority, (content) =>
    keyring.sign(handle, schemes[authority.kind], content),
  );
}
