import { signatureAlgorithm, signer } from '../token/signer.ts';
import type { TokenSession } from '../token/token-session.ts';
import { extensionsOf } from '../trust/certificate.ts';
import { children, contentOf, readElement, TAG } from '../trust/der.ts';
import {
  bits,
  element,
  integer,
  nothing,
  objectIdentifier,
  sequence,
} from '../trust/der-writer.ts';
import { certificateParts } from '../trust/fingerprints.ts';
import type { Authority } from './authorities.ts';

/** What a root of the local CA says under its own name, besides certificates: lists and responses. */
export interface AuthoritySigner {
  readonly authority: Authority;
  /** Name, DER. */
  readonly name: Buffer;
  /** Where the root's certificate has its key identifier, RFC 5280 section 4.2.1.2. */
  readonly keyIdentifier: Buffer;
  /** The key's bits, without the count of unused ones. */
  readonly keyBits: Buffer;
  /** `SEQUENCE { toBeSigned, signatureAlgorithm, signature }` */
  sign(toBeSigned: (algorithm: Buffer) => Buffer): Promise<Buffer>;
}

/** AlgorithmIdentifier by the kind of root (RFC 5758 section 3.2, RFC 4055 section 5). */
const algorithms = {
  ec: sequence(objectIdentifier('1.2.840.10045.4.3.2')),
  rsa: sequence(objectIdentifier('1.2.840.113549.1.1.11'), nothing),
} as const;

/** @param sign a signature as X.509 has it, by the root's key with SHA-256 */
export function authoritySigner(
  authority: Authority,
  sign: (content: Buffer) => Promise<Buffer>,
): AuthoritySigner {
  const { subject, publicKey } = certificateParts(authority.certificate);
  const [, key] = children(readElement(publicKey));
  const algorithm = algorithms[authority.kind];
  return {
    authority,
    name: subject,
    keyIdentifier: keyIdentifierOf(authority.certificate),
    keyBits: contentOf(key, TAG.bitString).subarray(1),
    sign: async (toBeSigned) => {
      const content = toBeSigned(algorithm);
      return sequence(content, algorithm, bits(await sign(content)));
    },
  };
}

/** In a command: the session is with the token that has the root's key. @throws TokenError */
export function sessionSigner(session: TokenSession, authority: Authority): AuthoritySigner {
  const sign = signer(session, authority.keyUri);
  const isEc = authority.kind === 'ec';
  const algorithm = signatureAlgorithm(isEc ? 'ec-p256' : 'rsa-3072');
  return authoritySigner(authority, async (content) => {
    const raw = await sign(algorithm, content);
    return isEc ? ecdsaSignature(raw) : raw;
  });
}

/** r‖s as the token makes it, in DER. */
function ecdsaSignature(raw: Buffer): Buffer {
  const half = raw.length / 2;
  const part = (bytes: Buffer) => integer(BigInt(`0x${bytes.toString('hex')}`));
  return element(TAG.sequence, part(raw.subarray(0, half)), part(raw.subarray(half)));
}

/** 2.5.29.14, which our roots have. */
const SUBJECT_KEY_IDENTIFIER = '551d0e';

function keyIdentifierOf(certificate: Buffer): Buffer {
  const extension = extensionsOf(certificate).get(SUBJECT_KEY_IDENTIFIER);
  return contentOf(extension && readElement(extension), TAG.octetString);
}
