/** How an identity is written in a certificate: SubjectAltName, which counts, and subject, for people. */
import { isAscii } from '../identity/domain-name.ts';
import { TAG } from '../trust/der.ts';
import { Extension, Name, SubjectAlternativeNameExtension } from './x509.ts';

/** ub-common-name, RFC 5280 appendix A.1, in characters. */
const LONGEST_COMMON_NAME = 64;

/** id-on-SmtpUTF8Mailbox 1.3.6.1.5.5.7.8.9, RFC 9598 section 3. */
const SMTP_UTF8_MAILBOX = Buffer.from('2b06010505070809', 'hex');
const SUBJECT_ALT_NAME = '2.5.29.17';

/**
 * A domain is a dNSName, `.example.com` the wildcard `*.example.com`, and user@domain an rfc822Name, or
 * a SmtpUTF8Mailbox if the user is not ASCII (rfc822Name has no room for it).
 *
 * @param id canonical DoNAI, or `.example.com`
 */
export function subjectAltName(id: string): Extension {
  const critical = !fitsCommonName(id);
  if (!id.includes('@')) {
    return new SubjectAlternativeNameExtension([{ type: 'dns', value: dnsName(id) }], critical);
  }
  if (isAscii(id)) {
    return new SubjectAlternativeNameExtension([{ type: 'email', value: id }], critical);
  }
  return new Extension(SUBJECT_ALT_NAME, critical, smtpUtf8Mailbox(id));
}

/** The common name, that people see; empty if it does not fit (then SubjectAltName is critical). */
export function subjectName(id: string): Name {
  return fitsCommonName(id) ? commonName(id.includes('@') ? id : dnsName(id)) : new Name([]);
}

export function commonName(text: string): Name {
  return new Name([{ CN: [{ utf8String: text }] }]);
}

function fitsCommonName(id: string): boolean {
  return [...id].length < LONGEST_COMMON_NAME;
}

function dnsName(id: string): string {
  return id.startsWith('.') ? `*${id}` : id;
}

/** GeneralNames with one otherName; its domain stays in A-labels (RFC 9598 section 3). */
function smtpUtf8Mailbox(id: string): Buffer {
  const value = element(TAG.context(0), element(TAG.utf8String, Buffer.from(id)));
  const type = element(TAG.objectIdentifier, SMTP_UTF8_MAILBOX);
  return element(TAG.sequence, element(TAG.context(0), type, value));
}

/** DER, of at most 255 bytes: an identity has at most 127. */
function element(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const length = body.length < 0x80 ? [body.length] : [0x81, body.length];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}
