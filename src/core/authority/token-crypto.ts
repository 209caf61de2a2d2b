/** What @peculiar/x509 needs of WebCrypto, with the signature made in a token. */
import type { webcrypto } from 'node:crypto';
import type { KeyType } from '../token/key-types.ts';
import { type SignatureAlgorithm, type Signer, signatureAlgorithm } from '../token/signer.ts';

/** A key pair whose private key is in a token. */
export interface SigningKey {
  readonly sign: Signer;
  readonly type: KeyType;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
}

/** A WebCrypto that knows one key pair, signs with it and tells its public key, and nothing else. */
export function tokenCrypto(key: SigningKey): Crypto {
  const subtle = {
    sign: async (
      algorithm: SignatureAlgorithm,
      _key: CryptoKey,
      data: ArrayBuffer | ArrayBufferView,
    ) => {
      const signature = await key.sign(pure(algorithm), bytes(data));
      return Uint8Array.from(signature).buffer;
    },
    exportKey: async () => Uint8Array.from(key.publicKey).buffer,
  };
  return { subtle } as unknown as Crypto;
}

/** Stands for the pair in calls of @peculiar/x509, which reads the algorithm from it. */
export function tokenKeyPair(key: SigningKey): webcrypto.CryptoKeyPair {
  const algorithm = signatureAlgorithm(key.type);
  const common = { extractable: false, algorithm };
  return {
    privateKey: { ...common, type: 'private', usages: ['sign'] } as CryptoKey,
    publicKey: { ...common, type: 'public', usages: ['verify'] } as CryptoKey,
  };
}

/** @peculiar/x509 adds properties of its own. */
function pure(algorithm: SignatureAlgorithm): SignatureAlgorithm {
  if (algorithm.name === 'Ed25519') return { name: algorithm.name };
  return { name: algorithm.name, hash: algorithm.hash };
}

function bytes(data: ArrayBuffer | ArrayBufferView): Buffer {
  return ArrayBuffer.isView(data)
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    : Buffer.from(data);
}
