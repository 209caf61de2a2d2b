/** Certificates that are made when they are needed, for a few minutes. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { TlspoolError } from '../errors.ts';
import { readCertificates } from '../identity/certificate-file.ts';
import { type Donai, formatDonai } from '../identity/donai.ts';
import type { LocalIdentity } from '../identity/local-identities.ts';
import { type KeyType, keyTypeOfObject } from '../token/key-types.ts';
import type { Keyring, MadeKey } from '../token/keyring.ts';
import { children, contentOf, readElement, TAG } from '../trust/der.ts';
import { makeCertificate, randomSerial } from './certificate.ts';
import { leafExtensions } from './extensions.ts';
import { subjectName } from './subject.ts';
import type { SigningKey } from './token-crypto.ts';
import {
  AuthorityKeyIdentifierExtension,
  type Extension,
  SubjectKeyIdentifierExtension,
  X509Certificate as X509,
} from './x509.ts';

/** A CA of its own for that, as it is configured. */
export interface OnTheFlySigner {
  /** Path of its certificate, and of those up to the root if there are any: PEM, or one in DER. */
  readonly certificate: string;
  /** `pkcs11:` URI of its key. */
  readonly key: string;
}

type Keys = Pick<Keyring, 'key' | 'sign' | 'makeKey' | 'on'>;

/** ms before now and after it. */
const SKEW = 2 * 60_000;
const LIFE = 3 * 60_000;
/** ms that a certificate must still hold for another session. */
const LEAST_LIFE = 30_000;
/** Names that are kept at once. */
const MOST_KEPT = 1_000;

interface Kept {
  readonly identity: Promise<LocalIdentity>;
  /** Epoch ms. */
  readonly until: number;
}

/** Makes server identities under the names that are wanted. Their keys are made in the signer's token, and stay there. */
export class OnTheFly {
  readonly #keys: Keys;
  readonly #signerUri: string;
  readonly #signer: SigningKey;
  /** As others must be sent it: the signer's own first, roots left out. */
  readonly #chain: readonly Buffer[];
  readonly #issuer: Buffer;
  readonly #kept = new Map<string, Kept>();
  #leafKey: Promise<MadeKey> | undefined;
  /** The token in which it is, once it is there. */
  #keyHolder: string | undefined;
  /** Numbers of credentials, which those of the store never have. */
  #count = 0;

  /** @throws TlspoolError `bad-signer`: the certificate cannot be read, or is not that of a CA */
  static open({ certificate, key }: OnTheFlySigner, keys: Keys): OnTheFly {
    return new OnTheFly(readChain(certificate), key, keys);
  }

  private constructor(chain: readonly Buffer[], keyUri: string, keys: Keys) {
    const [issuer] = chain;
    if (issuer === undefined) throw new TypeError('A signer has a certificate.');
    const { publicKey } = new X509Certificate(issuer);
    const spki = publicKey.export({ format: 'der', type: 'spki' });
    const type = keyTypeOfObject(publicKey);
    const handle = keys.key(keyUri, spki);
    this.#keys = keys;
    this.#signerUri = keyUri;
    this.#issuer = issuer;
    this.#chain = chain.filter((each) => !isRoot(each));
    this.#signer = {
      type,
      publicKey: spki,
      sign: async (_algorithm, data) =>
        plainSignature(type, await keys.sign(handle, schemes[type], data)),
    };
    keys.on('changed', (token, state) => {
      // With the log-in, or the token, go the keys that were made.
      if (state !== 'ready' && this.#keyHolder === token) this.forget();
    });
  }

  /** The identity of that name, for servers, good for some time to come. @throws TokenError */
  identity(name: Donai): Promise<LocalIdentity> {
    const id = formatDonai(name);
    const known = this.#kept.get(id);
    if (known !== undefined && known.until > Date.now()) return known.identity;
    const made = this.#make(name, id);
    this.#kept.delete(id);
    this.#kept.set(id, { identity: made, until: Date.now() + LIFE - LEAST_LIFE });
    made.catch(() => this.#kept.delete(id));
    if (this.#kept.size > MOST_KEPT) {
      for (const oldest of this.#kept.keys()) {
        this.#kept.delete(oldest);
        break;
      }
    }
    return made;
  }

  async #make(name: Donai, id: string): Promise<LocalIdentity> {
    const { uri, publicKey } = await this.#key();
    const now = Math.floor(Date.now() / 1_000) * 1_000;
    const notAfter = new Date(now + LIFE);
    const leaf = await makeCertificate(
      {
        serial: randomSerial(),
        subject: subjectName(id),
        issuer: new X509(Uint8Array.from(this.#issuer)).subjectName,
        validity: { notBefore: new Date(now - SKEW), notAfter },
        publicKey,
        extensions: this.#extensions(id, publicKey),
      },
      this.#signer,
    );
    this.#count += 1;
    const credential = {
      id: -this.#count,
      role: 'server',
      keyType: 'ec-p256',
      keyUri: uri,
      publicKey,
      chain: [leaf, ...this.#chain],
      notAfter,
    } as const;
    return { donai: name, credentials: [credential] };
  }

  #extensions(id: string, publicKey: Buffer): Extension[] {
    const ours = leafExtensions(id, 'server', publicKey, this.#signer.publicKey).filter(
      (each) => !(each instanceof AuthorityKeyIdentifierExtension),
    );
    // The signer was made by others, who may have named its key in another way than we do.
    const named = new X509(Uint8Array.from(this.#issuer)).getExtension(
      SubjectKeyIdentifierExtension,
    );
    return named === null ? ours : [...ours, new AuthorityKeyIdentifierExtension(named.keyId)];
  }

  /** One for all names: what differs is what the signer says about it. */
  #key(): Promise<MadeKey> {
    this.#leafKey ??= this.#makeKey().catch((error: unknown) => {
      this.#leafKey = undefined;
      throw error;
    });
    return this.#leafKey;
  }

  async #makeKey(): Promise<MadeKey> {
    const made = await this.#keys.makeKey(this.#signerUri);
    this.#keyHolder = made.token;
    return made;
  }

  /** The key is gone from the token: all is made anew. */
  forget(): void {
    this.#keyHolder = undefined;
    this.#leafKey = undefined;
    this.#kept.clear();
  }
}

/** TLS SignatureSchemes that make the signatures of certificates. */
const schemes: Readonly<Record<KeyType, number>> = {
  'ec-p256': 0x0403,
  'ec-p384': 0x0503,
  ed25519: 0x0807,
  'rsa-2048': 0x0401,
  'rsa-3072': 0x0401,
  'rsa-4096': 0x0401,
};

function readChain(path: string): Buffer[] {
  let chain: Buffer[];
  try {
    chain = readCertificates(readFileSync(path));
  } catch (cause) {
    throw badSigner(`${path}: ${(cause as Error).message}`, cause);
  }
  const [first] = chain;
  if (first === undefined || !new X509Certificate(first).ca) {
    throw badSigner(`${path}: its first certificate is not that of a CA`, undefined);
  }
  return chain;
}

function badSigner(message: string, cause: unknown): TlspoolError {
  return new TlspoolError('bad-signer', `tls_onthefly_signcert: ${message}`, {
    hint: 'It names a file with the certificate of a CA of its own, in PEM or DER.',
    cause,
  });
}

function isRoot(der: Buffer): boolean {
  const certificate = new X509Certificate(der);
  return certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey);
}

/** ECDSA as r‖s, of fixed length; others are that way already. */
function plainSignature(type: KeyType, signature: Buffer): Buffer {
  const size = type === 'ec-p256' ? 32 : type === 'ec-p384' ? 48 : 0;
  if (size === 0) return signature;
  const numbers = children(readElement(signature)).map((number) => contentOf(number, TAG.integer));
  return Buffer.concat(
    numbers.map((number) => {
      const fixed = Buffer.alloc(size);
      const digits = number.subarray(Math.max(0, number.length - size));
      digits.copy(fixed, size - digits.length);
      return fixed;
    }),
  );
}
