import { foldAscii, isAscii, parseDomain, printable } from '../identity/domain-name.ts';
import { type Donai, makeDonai, parseUser } from '../identity/donai.ts';
import { DonaiError } from '../identity/donai-error.ts';
import { extensionsOf } from './certificate.ts';
import { children, contentOf, DerError, type Element, readElement, TAG } from './der.ts';

/** Whom a certificate names, from its SubjectAltName alone: never the common name, never an emailAddress. */
export interface SubjectNames {
  /** rfc822Name and SmtpUTF8Mailbox, in the certificate's order. */
  readonly users: readonly Donai[];
  /** dNSName without wildcard, in order. */
  readonly domains: readonly Donai[];
  /** `.example.com` for the dNSName `*.example.com`, which stands for one label more. */
  readonly wildcards: readonly string[];
  /** Names that are none: in an operator's words, why they count for nothing. */
  readonly refused: readonly string[];
}

/** 2.5.29.17 */
const SUBJECT_ALT_NAME = '551d11';
/** id-on-SmtpUTF8Mailbox, 1.3.6.1.5.5.7.8.9 (RFC 9598 section 3) */
const SMTP_UTF8_MAILBOX = '2b06010505070809';

/** More names than any CA puts into a certificate: who shows so many wants to keep us busy. */
const MOST_NAMES = 1000;

/** GeneralName (RFC 5280 section 4.2.1.6). */
const OTHER_NAME = TAG.context(0);
const RFC822_NAME = TAG.contextPrimitive(1);
const DNS_NAME = TAG.contextPrimitive(2);

/**
 * Throws DerError if the certificate or its SubjectAltName is malformed, or holds a name with a NUL in it or
 * endless names: such a certificate was made to be misread.
 */
export function subjectNames(certificate: Buffer): SubjectNames {
  const names: Draft = { users: [], domains: [], wildcards: [], refused: [] };
  const extension = extensionsOf(certificate).get(SUBJECT_ALT_NAME);
  if (extension === undefined) return names;
  const generals = children(readElement(extension));
  if (generals.length > MOST_NAMES) {
    throw new DerError(`it has ${generals.length} names, which is more than anybody needs`);
  }
  for (const general of generals) {
    try {
      if (general.tag === DNS_NAME) addDnsName(ascii(general.content), names);
      else if (general.tag === RFC822_NAME) names.users.push(mailbox(ascii(general.content)));
      else if (general.tag === OTHER_NAME) addOtherName(general, names);
    } catch (error) {
      if (!(error instanceof DonaiError)) throw error;
      names.refused.push(error.message);
    }
  }
  return names;
}

type Draft = { [Kind in keyof SubjectNames]: SubjectNames[Kind][number][] };

/** Whether the names prove a domain, or a user by a mailbox of its own. */
export function provesDonai(names: SubjectNames, { user, domain }: Donai): boolean {
  if (user === undefined) return provesDomain(names, domain);
  return names.users.some((name) => name.user === user && name.domain === domain);
}

/** Exactly, or by a wildcard that stands for the leftmost label. */
export function provesDomain(names: SubjectNames, domain: string): boolean {
  if (names.domains.some((name) => name.domain === domain)) return true;
  const dot = domain.indexOf('.');
  return dot > 0 && names.wildcards.includes(domain.slice(dot));
}

/** For messages: what a certificate is for. */
export function describeNames({ users, domains, wildcards, refused }: SubjectNames): string {
  const listed = [
    ...users.map((name) => `${name.user}@${name.domain}`),
    ...domains.map((name) => name.domain),
    ...wildcards.map((parent) => `*${parent}`),
  ];
  if (listed.length === 0 && refused.length > 0) return `nobody (${refused[0]})`;
  const shown = listed.slice(0, 5).join(', ');
  return listed.length === 0 ? 'nobody' : listed.length > 5 ? `${shown}, …` : shown;
}

function addDnsName(text: string, names: Draft): void {
  if (text.startsWith('*.')) names.wildcards.push(parseWildcard(text));
  else names.domains.push(makeDonai(undefined, parseDomain(text)));
}

/** A `*` is the whole leftmost label, and at least two labels follow (as other TLS libraries want it). */
function parseWildcard(text: string): string {
  const parent = parseDomain(text.slice(2));
  if (parent.includes('.')) return `.${parent}`;
  throw new DonaiError(`“${printable(text)}” would stand for every domain below .${parent}`);
}

function addOtherName(general: Element, names: Draft): void {
  const [type, value] = children(general, OTHER_NAME);
  if (contentOf(type, TAG.objectIdentifier).toString('hex') !== SMTP_UTF8_MAILBOX) return;
  const [text, ...surplus] = children(value, TAG.context(0));
  if (surplus.length > 0) throw new DerError('an otherName has two values');
  names.users.push(internationalMailbox(utf8(contentOf(text, TAG.utf8String))));
}

/** Its domain is in A-labels (RFC 9598 section 3), and what it says is NFC already. */
function internationalMailbox(text: string): Donai {
  if (text !== text.normalize('NFC')) {
    throw new DonaiError(`“${printable(text)}” is not in Unicode's normal form C`);
  }
  return mailbox(text);
}

function mailbox(text: string): Donai {
  const at = text.lastIndexOf('@');
  const domain = text.slice(at + 1);
  if (at < 0 || !isAscii(domain)) {
    throw new DonaiError(`“${printable(text)}” is not a mailbox with a domain in ASCII`);
  }
  return makeDonai(parseUser(text.slice(0, at)), parseDomain(foldAscii(domain)));
}

/** IA5String. */
function ascii(content: Buffer): string {
  refuseNul(content);
  const text = content.toString('latin1');
  if (isAscii(text)) return text;
  throw new DonaiError(`“${printable(text)}” has bytes that are not ASCII`);
}

function utf8(content: Buffer): string {
  refuseNul(content);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw new DonaiError('a mailbox is not in UTF-8');
  }
}

function refuseNul(content: Buffer): void {
  if (content.includes(0)) throw new DerError('a name has a NUL in it');
}
