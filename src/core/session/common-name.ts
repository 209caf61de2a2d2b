import { children, DerError, type Element, readElement } from '../trust/der.ts';
import { certificateNames } from './certificate-names.ts';

/** 2.5.4.3 */
const COMMON_NAME = '550403';
const SET = 0x31;
/** UTF8String, PrintableString and IA5String; nothing else has been issued for long. */
const textTags: readonly number[] = [0x0c, 0x13, 0x16];
/** Characters (ub-common-name, RFC 5280 appendix A.1). */
const longest = 64;

/**
 * The last common name of a certificate's subject, for programs that want to show one. It proves nothing; '' if there is none
 * that can be shown.
 */
export function commonNameOf(certificate: Buffer): string {
  try {
    const { subject } = certificateNames(certificate);
    const attributes = children(readElement(subject)).flatMap((set) => children(set, SET));
    return attributes.map(commonName).findLast((name) => name !== undefined) ?? '';
  } catch (error) {
    if (error instanceof DerError) return '';
    throw error;
  }
}

function commonName(attribute: Element): string | undefined {
  const [type, value] = children(attribute);
  if (type?.content.toString('hex') !== COMMON_NAME || value === undefined) return undefined;
  const text = value.content.toString('utf8');
  const isText = textTags.includes(value.tag) && !/[\p{Cc}\ufffd]/u.test(text);
  return isText && text.length <= longest ? text : undefined;
}
