import { type KeyObject, X509Certificate } from 'node:crypto';
import { dottedOid } from '../certificate.ts';
import { children, contentOf, readElement, TAG } from '../der.ts';
import type { Exhibit } from '../exhibit.ts';
import { type Finding, fails, holds, unknown } from '../finding.ts';
import { certificateParts } from '../fingerprints.ts';
import type { Level } from '../validation-settings.ts';
import { signsItself } from './path.ts';

/** `L`, `l`: keys, signatures and suite are as the level of that name asks for. */
export function isOfLevel({ question, tools }: Exhibit, letter: 'L' | 'l'): Finding {
  const level = tools.settings.levels[letter];
  if (level === undefined) {
    return unknown(
      `no level ${letter} is configured`,
      `Say what it asks for: level_${letter === 'L' ? 'high' : 'low'} in tlspool.conf.`,
    );
  }
  const faults = question.chain.flatMap((certificate, depth) => {
    const which = depth === 0 ? 'the certificate' : `certificate ${depth + 1} of the chain`;
    return [keyFault(certificate, level), hashFault(certificate, level)]
      .filter((fault) => fault !== undefined)
      .map((fault) => `${which} ${fault}`);
  });
  if (faults[0] !== undefined) return fails(faults[0], 'bad_certificate');
  if (level.suites === undefined) return holds(`keys and signatures are of level ${letter}`);
  const cipher = question.handshake?.cipher;
  if (cipher === undefined) return unknown('there is no handshake to look at');
  if (level.suites.includes(cipher))
    return holds(`keys, signatures and ${cipher} are of level ${letter}`);
  return fails(`${cipher} is not of level ${letter}`, 'handshake_failure');
}

/** `q`: the certificate's key is post-quantum. */
export function signsPostQuantum({ leaf }: Pick<Exhibit, 'leaf'>): Finding {
  const type = keyOf(leaf)?.asymmetricKeyType ?? 'an unknown kind of key';
  // Hybrid or not, FIPS 204 is what TLS signs with.
  if (/^ml-dsa/.test(type)) return holds(`the certificate has a key of ${type}`);
  return fails(`the certificate has a key of ${type}`, 'unsupported_certificate');
}

function keyOf(certificate: Buffer): KeyObject | undefined {
  try {
    return new X509Certificate(certificate).publicKey;
  } catch {
    // Of a kind that OpenSSL does not know.
    return undefined;
  }
}

const curveBits: Readonly<Record<string, number>> = {
  prime256v1: 256,
  secp384r1: 384,
  secp521r1: 521,
};

function keyFault(certificate: Buffer, { rsa, ec }: Level): string | undefined {
  const key = keyOf(certificate);
  const { modulusLength, namedCurve } = key?.asymmetricKeyDetails ?? {};
  switch (key?.asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss': {
      const bits = modulusLength ?? 0;
      return rsa === undefined || bits >= rsa ? undefined : `has an RSA key of ${bits} bits`;
    }
    case 'ec': {
      const bits = curveBits[namedCurve ?? ''] ?? 0;
      return ec === undefined || bits >= ec ? undefined : `has a key on ${namedCurve}`;
    }
    case 'ed25519':
      return ec === undefined || ec <= 256 ? undefined : 'has an Ed25519 key';
    case 'ed448':
      return undefined;
    default:
      return rsa === undefined && ec === undefined ? undefined : 'has a key of an unknown kind';
  }
}

/** Hashes of signature algorithms, by dotted OID (RFC 8017, 5758, 8410). */
const hashes: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.4': 'md5',
  '1.2.840.113549.1.1.5': 'sha1',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.1': 'sha1',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': 'sha512',
  '1.3.101.113': 'shake256',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

const RSA_PSS = '1.2.840.113549.1.1.10';

/** A self-signature proves nothing, so that its hash is no matter. */
function hashFault(certificate: Buffer, level: Level): string | undefined {
  if (level.hashes === undefined || signsItself(certificate)) return undefined;
  const hash = hashOf(certificateParts(certificate).signature);
  return level.hashes.includes(hash) ? undefined : `is signed with ${hash}`;
}

function hashOf(algorithm: Buffer): string {
  const [type, parameters] = children(readElement(algorithm));
  const oid = dottedOid(contentOf(type, TAG.objectIdentifier));
  if (oid !== RSA_PSS) return hashes[oid] ?? oid;
  // RSASSA-PSS-params (RFC 8017 appendix A.2.3): the hash is the first, SHA-1 if it is left out.
  const holder = children(parameters).find(({ tag }) => tag === TAG.context(0));
  if (holder === undefined) return 'sha1';
  const [hash] = children(holder, TAG.context(0));
  const [name] = children(hash);
  const named = dottedOid(contentOf(name, TAG.objectIdentifier));
  return hashes[named] ?? named;
}
