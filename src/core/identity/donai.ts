import { foldAscii, isAscii, parseDomain, printable } from './domain-name.ts';
import { DonaiError } from './donai-error.ts';

declare const concrete: unique symbol;

/**
 * Domain or Network Access Identifier: `example.com` or `user@example.com`. Always canonical, so that equal
 * ones have equal parts.
 */
export interface Donai {
  /** ASCII letters in lower case, the rest in NFC; undefined: the domain itself. */
  readonly user: string | undefined;
  /** Lower-case A-labels, no trailing dot. */
  readonly domain: string;
  readonly [concrete]: true;
}

/** Bytes on the wire: a field of 128 with its NUL. */
export const MAX_LENGTH = 127;

/** Characters of an atom (RFC 7542 section 2.2, RFC 5322 atext), and whatever is not ASCII. */
const USER =
  /^[a-z0-9!#$%&'*+/=?^_`{|}~\u0080-\u{10ffff}-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~\u0080-\u{10ffff}-]+)*$/u;
/** Controls, unassigned and private characters, spaces: invisible or without agreed meaning. */
const UNSEEN = /[\p{C}\p{Z}]/u;

/** Throws DonaiError, which says what is wrong with the text. */
export function parseDonai(text: string): Donai {
  const at = text.lastIndexOf('@');
  const user = at < 0 ? undefined : parseUser(text.slice(0, at));
  return makeDonai(user, parseDomain(text.slice(at + 1)));
}

/** Of parts that are canonical already; throws DonaiError if they do not fit on the wire. */
export function makeDonai(user: string | undefined, domain: string): Donai {
  const donai = { user, domain } as Donai;
  requireFits(formatDonai(donai));
  return donai;
}

/** Of a DoNAI or of a selector: the text that parses to it. */
export function formatDonai(id: {
  readonly user: string | undefined;
  readonly domain: string;
}): string {
  return id.user === undefined ? id.domain : `${id.user}@${id.domain}`;
}

/** The canonical form of what stands before the `@`. Throws DonaiError. */
export function parseUser(text: string): string {
  if (text === '') throw new DonaiError('the user before the @ is missing');
  const normal = text.normalize('NFC');
  if (isDisguised(text)) {
    throw new DonaiError(
      `the user “${printable(text)}” is not “${printable(normal)}”, it only looks like it`,
    );
  }
  const user = foldAscii(normal);
  if (!user.isWellFormed() || UNSEEN.test(user) || !USER.test(user)) {
    throw new DonaiError(
      `“${printable(text)}” is not a user: it is made of letters, digits and !#$%&'*+-/=?^_\`{|}~, with single dots between`,
    );
  }
  return user;
}

export function requireFits(text: string): void {
  const length = Buffer.byteLength(text);
  if (length <= MAX_LENGTH) return;
  throw new DonaiError(
    `“${printable(text)}” has ${length} bytes; identities have at most ${MAX_LENGTH}`,
  );
}

/** Normalising must not make ASCII out of what was not: the Kelvin sign would become a K. */
function isDisguised(text: string): boolean {
  return [...text].some((letter) => !isAscii(letter) && isAscii(letter.normalize('NFC')));
}
