import { extensionsOf } from './certificate.ts';
import { children, contentOf, DerError, readElement, TAG } from './der.ts';

/** 1.3.6.1.5.5.7.1.24 */
const TLS_FEATURE = '2b06010505070118';

/** The feature of stapling an OCSP response, by the number of its extension of TLS (RFC 6066 section 8). */
const STATUS_REQUEST = 5n;

/**
 * What whoever shows the certificate must do in its handshakes (RFC 7633 section 4.1): numbers of extensions of TLS;
 * none, if it says nothing. @throws DerError
 */
export function tlsFeatures(certificate: Buffer): readonly bigint[] {
  const extension = extensionsOf(certificate).get(TLS_FEATURE);
  if (extension === undefined) return [];
  return children(readElement(extension)).map((feature) => {
    const digits = contentOf(feature, TAG.integer).toString('hex');
    if (digits === '') throw new DerError('a TLS feature has no number');
    return BigInt(`0x${digits}`);
  });
}

/** Whether a server that shows it must bring an OCSP response along (“must staple”). @throws DerError */
export function mustStaple(certificate: Buffer): boolean {
  return tlsFeatures(certificate).includes(STATUS_REQUEST);
}
