import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import { TlspoolError } from '../errors.ts';

/** What a PKCS #12 file holds for one identity. */
export interface Pkcs12Content {
  /** DER, leaf first, each followed by its issuer if that is in the file; without a root. */
  readonly chain: readonly Buffer[];
  /** PKCS #8, DER, in clear: to be wiped as soon as it is in the token. */
  readonly privateKey: Buffer;
}

/**
 * Opens a PKCS #12 file (RFC 7292) with one private key and its certificate.
 * Throws TlspoolError `bad-pkcs12`, `wrong-passphrase`.
 */
export function openPkcs12(file: Buffer, passphrase: string): Pkcs12Content {
  const bags = decrypt(file, passphrase).safeContents.flatMap(({ safeBags }) => safeBags);
  const keys = bags.filter(isKey).map(privateKeyOf);
  const certificates = bags.filter(isCertificate).map(certificateOf);
  const [privateKey, ...others] = keys;
  if (privateKey === undefined) throw bad('it holds no private key');
  if (others.length > 0) {
    for (const key of keys) key.fill(0);
    throw bad(`it holds ${keys.length} private keys; one is needed`);
  }
  try {
    return { privateKey, chain: chainFor(privateKey, certificates) };
  } catch (error) {
    privateKey.fill(0);
    throw error;
  }
}

function decrypt(file: Buffer, passphrase: string): forge.pkcs12.Pkcs12Pfx {
  let pfx: forge.asn1.Asn1;
  try {
    pfx = forge.asn1.fromDer(binary(file));
  } catch (cause) {
    throw bad('it is not ASN.1', cause);
  }
  try {
    return forge.pkcs12.pkcs12FromAsn1(pfx, true, passphrase);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (/password/i.test(reason)) {
      throw new TlspoolError('wrong-passphrase', 'the passphrase does not open the PKCS #12 file', {
        cause,
      });
    }
    throw bad(reason.replace(/\.$/, ''), cause);
  }
}

function isKey({ type }: forge.pkcs12.Bag): boolean {
  return type === forge.pki.oids.keyBag || type === forge.pki.oids.pkcs8ShroudedKeyBag;
}

function isCertificate({ type }: forge.pkcs12.Bag): boolean {
  return type === forge.pki.oids.certBag;
}

/** forge makes objects of RSA keys, and leaves all others as the ASN.1 that they are. */
function privateKeyOf(bag: forge.pkcs12.Bag): Buffer {
  if (!bag.key) return encode(bag.asn1);
  return encode(forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(bag.key)));
}

function certificateOf(bag: forge.pkcs12.Bag): Buffer {
  return encode(bag.cert ? forge.pki.certificateToAsn1(bag.cert) : bag.asn1);
}

/** The certificate of the key, then each one its issuer, in whatever order they are in the file. */
function chainFor(privateKey: Buffer, certificates: readonly Buffer[]): Buffer[] {
  const known = certificates.map((der) => new X509Certificate(der));
  const wanted = publicKeyOf(privateKey);
  let next = known.find(({ publicKey }) => spki(publicKey).equals(wanted));
  if (next === undefined) throw bad('none of its certificates is that of its private key');
  const chain: X509Certificate[] = [];
  while (next !== undefined) {
    const current: X509Certificate = next;
    chain.push(current);
    next = known.find(
      (other) =>
        !chain.includes(other) && current.checkIssued(other) && current.verify(other.publicKey),
    );
  }
  const last = chain.at(-1);
  if (chain.length > 1 && last?.checkIssued(last)) chain.pop();
  return chain.map(({ raw }) => raw);
}

function publicKeyOf(privateKey: Buffer): Buffer {
  try {
    return spki(
      createPublicKey(createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' })),
    );
  } catch (cause) {
    throw bad('its private key cannot be read', cause);
  }
}

function spki(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' });
}

function encode(asn1: forge.asn1.Asn1): Buffer {
  return Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'latin1');
}

/** forge takes bytes as characters. */
function binary(bytes: Buffer): forge.util.ByteStringBuffer {
  return forge.util.createBuffer(bytes.toString('latin1'));
}

function bad(reason: string, cause?: unknown): TlspoolError {
  return new TlspoolError('bad-pkcs12', `the PKCS #12 file cannot be read: ${reason}`, { cause });
}
