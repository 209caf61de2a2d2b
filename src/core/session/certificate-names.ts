import { extensionsOf } from '../trust/certificate.ts';
import { children, DerError, readElement, TAG } from '../trust/der.ts';

/** Names in a certificate, in DER, as they stand there. */
export interface CertificateNames {
  /** Name. */
  readonly subject: Buffer;
  readonly issuer: Buffer;
  /** GeneralNames of SubjectAltName. */
  readonly alternatives: readonly Buffer[];
}

/** 2.5.29.17 */
const SUBJECT_ALT_NAME = '551d11';

/** RFC 5280 section 4.1. @throws DerError */
export function certificateNames(certificate: Buffer): CertificateNames {
  const [tbs] = children(readElement(certificate));
  const fields = children(tbs);
  // The version is left out in certificates of version 1.
  const [, , issuer, , subject] = fields[0]?.tag === TAG.context(0) ? fields.slice(1) : fields;
  if (issuer === undefined || subject === undefined) throw new DerError('a certificate ends early');
  const alternatives = extensionsOf(certificate).get(SUBJECT_ALT_NAME);
  return {
    subject: subject.encoded,
    issuer: issuer.encoded,
    alternatives:
      alternatives === undefined
        ? []
        : children(readElement(alternatives)).map(({ encoded }) => encoded),
  };
}
