/** Signatures by keys in a token, for certificates and requests; TLS signs in the engine. */
import { createHash, randomBytes, verify } from 'node:crypto';
import pkcs11js from 'pkcs11js';
import { attempt, TokenError } from './failure.ts';
import { findKey, type TokenKey } from './find-key.ts';
import { CKM_EDDSA } from './key-templates.ts';
import { type KeyType, keyTypeOf, parsePublicKey } from './key-types.ts';
import type { TokenSession } from './token-session.ts';

/** In WebCrypto's names, as @peculiar/x509 speaks them. */
export type SignatureAlgorithm =
  | { readonly name: 'ECDSA'; readonly hash: Hash }
  | { readonly name: 'RSASSA-PKCS1-v1_5'; readonly hash: Hash }
  | { readonly name: 'Ed25519' };

export type Hash = 'SHA-256' | 'SHA-384' | 'SHA-512';

/** ECDSA signatures are r‖s, as WebCrypto has them. */
export type Signer = (algorithm: SignatureAlgorithm, data: Buffer) => Promise<Buffer>;

/** What certificates are signed with by a key of this kind. */
export function signatureAlgorithm(type: KeyType): SignatureAlgorithm {
  switch (type) {
    case 'ed25519':
      return { name: 'Ed25519' };
    case 'ec-p256':
      return { name: 'ECDSA', hash: 'SHA-256' };
    case 'ec-p384':
      return { name: 'ECDSA', hash: 'SHA-384' };
    default:
      return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  }
}

/** @throws TokenError `key-absent`, `key-ambiguous` at once, others when signing. */
export function signer(session: TokenSession, keyUri: string): Signer {
  const key = findKey(session, keyUri);
  return async (algorithm, data) => sign(session, key, algorithm, data);
}

/**
 * Signs once and verifies: that the key is usable and is the one of this public key, which nothing
 * else would find out before the first handshake.
 * @throws TokenError `key-mismatch`, and others when the key cannot sign.
 */
export async function proveKey(
  session: TokenSession,
  keyUri: string,
  publicKey: Buffer,
): Promise<void> {
  const algorithm = signatureAlgorithm(keyTypeOf(publicKey));
  const challenge = randomBytes(32);
  const signature = await signer(session, keyUri)(algorithm, challenge);
  if (!verifies(algorithm, publicKey, challenge, signature)) {
    throw new TokenError('key-mismatch', `the key ${keyUri} is not that of the certificate`, {
      hint: 'Give the URI of the key that the certificate was made for; `pkcs11-tool --list-objects` shows the keys.',
    });
  }
}

function verifies(
  algorithm: SignatureAlgorithm,
  publicKey: Buffer,
  data: Buffer,
  signature: Buffer,
): boolean {
  const hash = algorithm.name === 'Ed25519' ? null : nodeHash(algorithm.hash);
  const key = { key: parsePublicKey(publicKey), dsaEncoding: 'ieee-p1363' as const };
  return verify(hash, data, key, signature);
}

/** Room for a signature by RSA-4096. */
const LONGEST_SIGNATURE = 512;

function sign(
  session: TokenSession,
  key: TokenKey,
  algorithm: SignatureAlgorithm,
  data: Buffer,
): Buffer {
  const { mechanism, input } = preparation(algorithm, data);
  return attempt(`sign with ${key.uri}`, () => {
    session.pkcs11.C_SignInit(session.handle, { mechanism }, key.handle);
    if (key.alwaysAuthenticate) session.authenticateOperation();
    return session.pkcs11.C_Sign(session.handle, input, Buffer.alloc(LONGEST_SIGNATURE));
  });
}

/** Hashing is ours to do: every token has the bare mechanisms. */
function preparation(
  algorithm: SignatureAlgorithm,
  data: Buffer,
): { mechanism: number; input: Buffer } {
  switch (algorithm.name) {
    case 'Ed25519':
      return { mechanism: CKM_EDDSA, input: data };
    case 'ECDSA':
      return { mechanism: pkcs11js.CKM_ECDSA, input: digest(algorithm.hash, data) };
    case 'RSASSA-PKCS1-v1_5': {
      const info = Buffer.concat([digestInfo[algorithm.hash], digest(algorithm.hash, data)]);
      return { mechanism: pkcs11js.CKM_RSA_PKCS, input: info };
    }
  }
}

/** DER of DigestInfo up to the digest: RFC 8017 section 9.2, note 1. */
const digestInfo: Readonly<Record<Hash, Buffer>> = {
  'SHA-256': Buffer.from('3031300d060960864801650304020105000420', 'hex'),
  'SHA-384': Buffer.from('3041300d060960864801650304020205000430', 'hex'),
  'SHA-512': Buffer.from('3051300d060960864801650304020305000440', 'hex'),
};

function digest(hash: Hash, data: Buffer): Buffer {
  return createHash(nodeHash(hash)).update(data).digest();
}

function nodeHash(hash: Hash): string {
  return hash.replace('SHA-', 'sha');
}
