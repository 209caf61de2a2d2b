import type { AlertName, PathVerdict } from '../engine/types.ts';

/** OpenSSL's X509_V_ERR_… (openssl/x509_vfy.h) and the alert that says the same (RFC 8446 section 6.2). */
const ALERTS: ReadonlyMap<number, AlertName> = new Map([
  [2, 'unknown_ca'], // UNABLE_TO_GET_ISSUER_CERT
  [9, 'bad_certificate'], // CERT_NOT_YET_VALID
  [10, 'certificate_expired'], // CERT_HAS_EXPIRED
  [18, 'unknown_ca'], // DEPTH_ZERO_SELF_SIGNED_CERT
  [19, 'unknown_ca'], // SELF_SIGNED_CERT_IN_CHAIN
  [20, 'unknown_ca'], // UNABLE_TO_GET_ISSUER_CERT_LOCALLY
  [21, 'unknown_ca'], // UNABLE_TO_VERIFY_LEAF_SIGNATURE
  [22, 'unknown_ca'], // CERT_CHAIN_TOO_LONG
  [23, 'certificate_revoked'], // CERT_REVOKED
  [25, 'unknown_ca'], // PATH_LENGTH_EXCEEDED
  [26, 'unsupported_certificate'], // INVALID_PURPOSE
  [32, 'unknown_ca'], // KEYUSAGE_NO_CERTSIGN
  [34, 'unsupported_certificate'], // UNHANDLED_CRITICAL_EXTENSION
  [79, 'unknown_ca'], // INVALID_CA
]);

/** What a path that was not found means to the remote, and to us. */
export function pathFailure(verdict: PathVerdict): { alert: AlertName; reason: string } {
  const where =
    verdict.depth === 0 ? 'the certificate' : `certificate ${verdict.depth + 1} of the chain`;
  return {
    alert: ALERTS.get(verdict.error) ?? 'bad_certificate',
    reason: `${where}: ${verdict.message}`,
  };
}
