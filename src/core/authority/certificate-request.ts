import { TlspoolError } from '../errors.ts';
import { parsePem } from '../identity/pem.ts';
import { type KeyType, keyTypeOf } from '../token/key-types.ts';
import { readElement } from '../trust/der.ts';
import { Pkcs10CertificateRequest } from './x509.ts';

/** Whose key it is, by its own signature; whatever else a request says is not listened to. */
export interface RequestedKey {
  readonly keyType: KeyType;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
}

/**
 * The key of a certificate signing request (PKCS #10, RFC 2986) in PEM or DER.
 * @throws TlspoolError `bad-request`; TokenError for kinds of keys that are not signed
 */
export async function readRequest(file: Buffer): Promise<RequestedKey> {
  const der = file.includes('-----BEGIN ') ? requestBlock(file) : file;
  const { request, publicKey } = parse(der);
  // First: of other kinds no signature can be checked.
  const keyType = keyTypeOf(publicKey);
  if (!(await verifies(request))) {
    throw new TlspoolError('bad-request', 'the request is not signed by its own key', {
      hint: 'Whoever asks must have the key: make the request anew.',
    });
  }
  return { publicKey, keyType };
}

function requestBlock(file: Buffer): Buffer {
  const block = parsePem(file.toString('latin1')).find(({ label }) =>
    ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'].includes(label),
  );
  if (block !== undefined) return block.der;
  throw new TlspoolError('bad-request', 'the file holds no certificate signing request', {
    hint: 'openssl req -new -key key.pem -subj /CN=me -out me.csr',
  });
}

function parse(der: Buffer): { request: Pkcs10CertificateRequest; publicKey: Buffer } {
  try {
    readElement(der);
    const request = new Pkcs10CertificateRequest(Uint8Array.from(der));
    return { request, publicKey: Buffer.from(request.publicKey.rawData) };
  } catch (cause) {
    throw new TlspoolError('bad-request', 'this is not a certificate signing request', { cause });
  }
}

async function verifies(request: Pkcs10CertificateRequest): Promise<boolean> {
  try {
    return await request.verify();
  } catch {
    // Of an algorithm that nobody here knows.
    return false;
  }
}
