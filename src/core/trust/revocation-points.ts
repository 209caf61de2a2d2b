import { extensionsOf } from './certificate.ts';
import { children, contentOf, readElement, TAG } from './der.ts';

/** 2.5.29.31 */
const CRL_DISTRIBUTION_POINTS = '551d1f';
/** 1.3.6.1.5.5.7.1.1 */
const AUTHORITY_INFORMATION_ACCESS = '2b06010505070101';
/** 1.3.6.1.5.5.7.48.1 */
const OCSP = '2b06010505073001';
/** uniformResourceIdentifier of GeneralName. */
const URI = TAG.contextPrimitive(6);

/** More places than that are somebody's joke. */
const MOST = 4;

/** Where the certificate says that lists about it are (RFC 5280 section 4.2.1.13). @throws DerError */
export function listLocations(certificate: Buffer): readonly string[] {
  const extension = extensionsOf(certificate).get(CRL_DISTRIBUTION_POINTS);
  if (extension === undefined) return [];
  const found: string[] = [];
  for (const point of children(readElement(extension))) {
    const [name] = children(point).filter(({ tag }) => tag === TAG.context(0));
    if (name === undefined) continue;
    const [full] = children(name, TAG.context(0)).filter(({ tag }) => tag === TAG.context(0));
    if (full === undefined) continue;
    for (const general of children(full, TAG.context(0))) {
      if (general.tag === URI) found.push(general.content.toString('latin1'));
    }
  }
  return found.slice(0, MOST);
}

/** Where the certificate says that an OCSP responder is (section 4.2.2.1). @throws DerError */
export function responderLocations(certificate: Buffer): readonly string[] {
  const extension = extensionsOf(certificate).get(AUTHORITY_INFORMATION_ACCESS);
  if (extension === undefined) return [];
  const found: string[] = [];
  for (const description of children(readElement(extension))) {
    const [method, location] = children(description);
    const oid = contentOf(method, TAG.objectIdentifier).toString('hex');
    if (oid === OCSP && location?.tag === URI) found.push(location.content.toString('latin1'));
  }
  return found.slice(0, MOST);
}
