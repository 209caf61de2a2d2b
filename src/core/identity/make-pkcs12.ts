import { createCipheriv, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import forge from 'node-forge';
import { TAG } from '../trust/der.ts';
import {
  element,
  explicit,
  integer,
  nothing,
  objectIdentifier,
  octets,
  sequence,
} from '../trust/der-writer.ts';

/** RFC 8018 has thousands; the passphrase is what protects. */
const ITERATIONS = 100_000;
/** Of the MAC, whose key is derived in JavaScript (RFC 7292 appendix B). */
const MAC_ITERATIONS = 10_000;

const oids = {
  data: '1.2.840.113549.1.7.1',
  encryptedData: '1.2.840.113549.1.7.6',
  shroudedKey: '1.2.840.113549.1.12.10.1.2',
  certificateBag: '1.2.840.113549.1.12.10.1.3',
  x509: '1.2.840.113549.1.9.22.1',
  friendlyName: '1.2.840.113549.1.9.20',
  localKeyId: '1.2.840.113549.1.9.21',
  pbes2: '1.2.840.113549.1.5.13',
  pbkdf2: '1.2.840.113549.1.5.12',
  hmacSha256: '1.2.840.113549.2.9',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
  sha256: '2.16.840.1.101.3.4.2.1',
} as const;

/**
 * A PKCS #12 file (RFC 7292) as programs of today read it: PBES2 with AES-256, MAC with SHA-256.
 * @param privateKey PKCS #8, DER; the caller wipes it
 * @param chain DER, leaf first
 * @param name what the program shows to a person
 */
export function makePkcs12(
  privateKey: Buffer,
  chain: readonly Buffer[],
  name: string,
  passphrase: string,
): Buffer {
  const keyId = randomBytes(20);
  const own = element(
    0x31,
    attribute(oids.friendlyName, element(0x1e, bmpString(name))),
    attribute(oids.localKeyId, octets(keyId)),
  );
  const keyBag = bag(oids.shroudedKey, encrypted(privateKey, passphrase), own);
  const certificateBags = chain.map((certificate, depth) =>
    bag(
      oids.certificateBag,
      sequence(objectIdentifier(oids.x509), explicit(0, octets(certificate))),
      ...(depth === 0 ? [own] : []),
    ),
  );
  const safe = sequence(
    encryptedContent(sequence(...certificateBags), passphrase),
    content(sequence(keyBag)),
  );
  return sequence(integer(3), content(safe), mac(safe, passphrase));
}

/** ContentInfo of type data. */
function content(data: Buffer): Buffer {
  return sequence(objectIdentifier(oids.data), explicit(0, octets(data)));
}

/** ContentInfo of type encryptedData (RFC 2315 section 13). */
function encryptedContent(data: Buffer, passphrase: string): Buffer {
  const { algorithm, ciphertext } = encrypt(data, passphrase);
  const info = sequence(
    objectIdentifier(oids.data),
    algorithm,
    element(TAG.contextPrimitive(0), ciphertext),
  );
  return sequence(objectIdentifier(oids.encryptedData), explicit(0, sequence(integer(0), info)));
}

/** EncryptedPrivateKeyInfo. */
function encrypted(privateKey: Buffer, passphrase: string): Buffer {
  const { algorithm, ciphertext } = encrypt(privateKey, passphrase);
  return sequence(algorithm, octets(ciphertext));
}

function encrypt(data: Buffer, passphrase: string): { algorithm: Buffer; ciphertext: Buffer } {
  const salt = randomBytes(16);
  const iv = randomBytes(16);
  const key = pbkdf2Sync(passphrase, salt, ITERATIONS, 32, 'sha256');
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const ciphertext = Buffer.concat([cipher.update(data), cipher.final()]);
  key.fill(0);
  const derivation = sequence(
    objectIdentifier(oids.pbkdf2),
    sequence(
      octets(salt),
      integer(ITERATIONS),
      integer(32),
      sequence(objectIdentifier(oids.hmacSha256), nothing),
    ),
  );
  const scheme = sequence(objectIdentifier(oids.aes256Cbc), octets(iv));
  return {
    algorithm: sequence(objectIdentifier(oids.pbes2), sequence(derivation, scheme)),
    ciphertext,
  };
}

function bag(type: string, value: Buffer, ...attributes: Buffer[]): Buffer {
  return sequence(objectIdentifier(type), explicit(0, value), ...attributes);
}

function attribute(type: string, value: Buffer): Buffer {
  return sequence(objectIdentifier(type), element(0x31, value));
}

function mac(data: Buffer, passphrase: string): Buffer {
  const salt = randomBytes(16);
  const derived = forge.pkcs12.generateKey(
    passphrase,
    forge.util.createBuffer(salt.toString('latin1')),
    3,
    MAC_ITERATIONS,
    32,
    forge.md.sha256.create(),
  );
  const key = Buffer.from(derived.getBytes(), 'latin1');
  const digest = createHmac('sha256', key).update(data).digest();
  const info = sequence(sequence(objectIdentifier(oids.sha256), nothing), octets(digest));
  return sequence(info, octets(salt), integer(MAC_ITERATIONS));
}

/** UTF-16, big endian. */
function bmpString(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}
