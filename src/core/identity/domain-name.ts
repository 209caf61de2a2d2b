import { createRequire } from 'node:module';
import { DonaiError } from './donai-error.ts';

/** One label in ASCII (RFC 1123 section 2.1): letters, digits and inner hyphens. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** Characters of a domain (RFC 1035 section 2.3.4), in whatever form. */
const LONGEST = 253;
/** What resolvers take for (a part of) an IPv4 address if it is the last label: 2, 0x7f. */
const NUMBER = /^(?:[0-9]+|0x[0-9a-f]*)$/;

/**
 * The canonical form of a domain name: lower-case A-labels without a trailing dot. Unicode goes through IDNA
 * (UTS #46, non-transitional). Throws DonaiError for whatever is not made of letters, digits and hyphens
 * then, for addresses, and for Unicode that is only a disguise of an ASCII name.
 */
export function parseDomain(text: string): string {
  if (text === '') throw new DonaiError('the domain is missing');
  if (text.length > LONGEST) {
    throw new DonaiError(`“${printable(text)}” has more than ${LONGEST} characters`);
  }
  const domain = isAscii(text) ? foldAscii(text) : toAscii(text);
  const labels = domain.split('.');
  for (const label of labels) requireLabel(label, text);
  if (NUMBER.test(labels.at(-1) ?? '')) {
    throw new DonaiError(
      `“${printable(text)}” is an address or a number, not a domain: its last label is numeric`,
    );
  }
  if (labels.some((label) => label.startsWith('xn--'))) requireIdna(domain, text);
  return domain;
}

/** A to Z only: other letters never become ASCII ones (U+212A, the Kelvin sign, is no k). */
export function foldAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

export function isAscii(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  return /^[\x00-\x7f]*$/.test(text);
}

function requireLabel(label: string, text: string): void {
  if (LABEL.test(label)) return;
  if (label === '') throw new DonaiError(`“${printable(text)}” has an empty label`);
  if (label.length > 63) {
    throw new DonaiError(`“${printable(text)}” has a label of more than 63 characters`);
  }
  throw new DonaiError(
    `“${printable(text)}” is not a domain: a label is made of letters, digits and inner hyphens`,
  );
}

/** Each Unicode label must become an A-label of its own; one that becomes plain ASCII only looked different. */
function toAscii(text: string): string {
  const domain = idna().toASCII(text, IDNA_RULES);
  if (domain === null)
    throw new DonaiError(`“${printable(text)}” is not a domain that IDNA allows`);
  const given = text.split('.');
  const labels = domain.split('.');
  const disguised =
    given.length !== labels.length ||
    given.some((label, index) => !isAscii(label) && !labels[index]?.startsWith('xn--'));
  if (disguised) {
    throw new DonaiError(`“${printable(text)}” is not “${domain}”, it only looks like it`, {
      hint: `Is ${domain} meant? Then write that.`,
    });
  }
  return domain;
}

/** A-labels decode, to something that encodes to the same again. */
function requireIdna(domain: string, text: string): void {
  const decoded = idna().toUnicode(domain, IDNA_RULES);
  const valid = !decoded.error && idna().toASCII(decoded.domain, IDNA_RULES) === domain;
  const inner = decoded.domain.split('.').every((label) => !/^-|-$/.test(label));
  if (valid && inner) return;
  throw new DonaiError(`“${printable(text)}” has a label in Punycode that IDNA does not allow`);
}

interface Idna {
  toASCII(domain: string, rules: typeof IDNA_RULES): string | null;
  toUnicode(domain: string, rules: typeof IDNA_RULES): { domain: string; error: boolean };
}

/** Double hyphens as in `r3---sn` are real names: checkHyphens stays off. */
const IDNA_RULES = {
  checkBidi: true,
  checkHyphens: false,
  checkJoiners: true,
  useSTD3ASCIIRules: true,
  verifyDNSLength: true,
};

let loaded: Idna | undefined;
/** Named as in CommonJS, so that what looks for unused packages sees the call. */
const require = createRequire(import.meta.url);

/** Its tables take 14 ms to load: most processes never see an international name. */
function idna(): Idna {
  loaded ??= require('tr46') as Idna;
  return loaded;
}

/** Nothing that moves a terminal's cursor or turns the direction of writing, and not endless. */
export function printable(text: string): string {
  const shown = text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd');
  return shown.length > 150 ? `${shown.slice(0, 150)}…` : shown;
}
