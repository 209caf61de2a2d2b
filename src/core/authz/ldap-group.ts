import type { Client, Entry } from 'ldapts';
import { SEARCH_TIME, withDirectory } from '../directory/directory-connection.ts';
import { systemReason, TlspoolError } from '../errors.ts';
import { printable } from '../identity/domain-name.ts';
import { parseDonai } from '../identity/donai.ts';
import { DonaiError } from '../identity/donai-error.ts';
import type { LdapSource } from './group.ts';
import { type AttributeReader, allValuesOf, valuesOf } from './ldap-values.ts';
import { isLoopback } from './loopback.ts';
import { RuleError } from './rule-error.ts';
import type { Member } from './who.ts';

/** ms for a whole group. */
const LONGEST = 60_000;
/** Members that are asked about at once. */
const AT_ONCE = 16;
/** More is no group of people that anyone looks after. */
const MOST = 200_000;

export interface LdapMembers {
  readonly members: readonly Member[];
  /** Members whose entry has no `mail` that is a DoNAI: nothing they could show would be theirs. */
  readonly nameless: number;
}

/**
 * Reads a group of a directory (RFC 4519: `member`, `uniqueMember`), groups in it included, and the `mail` of each
 * member. @throws TlspoolError `directory-unreachable`; nothing is left open then
 */
export async function fetchLdapGroup(
  source: LdapSource,
  signal?: AbortSignal,
): Promise<LdapMembers> {
  const { url, startTls, dn } = source;
  requireSafeUrl(url, startTls);
  const limit = AbortSignal.any([AbortSignal.timeout(LONGEST), ...(signal ? [signal] : [])]);
  try {
    return await withDirectory(source, limit, (client) => new GroupReader(client, limit).read(dn));
  } catch (cause) {
    const reason = systemReason(cause) || 'no connection';
    const message = `${dn} of ${url} cannot be read: ${printable(reason)}`;
    throw new TlspoolError('directory-unreachable', message, { cause });
  }
}

/** @throws RuleError for a directory whose answers anybody on the way could change */
export function requireSafeUrl(url: string, startTls: boolean): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol === 'ldaps:' && !startTls) return url;
  if (parsed?.protocol === 'ldap:' && (startTls || isLoopback(parsed.hostname))) return url;
  throw new RuleError(
    `${printable(url)} is no directory that can be believed`,
    'Say ldaps://HOST, or ldap://HOST with --ldap-starttls; without TLS only on this machine.',
  );
}

class GroupReader {
  readonly #client: Client;
  readonly #limit: AbortSignal;
  readonly #seen = new Set<string>();
  readonly #mails = new Map<string, Member>();
  #nameless = 0;

  constructor(client: Client, limit: AbortSignal) {
    this.#client = client;
    this.#limit = limit;
  }

  async read(group: string): Promise<LdapMembers> {
    const entry = await this.#entry(group);
    if (entry === undefined) throw new Error('there is no such entry');
    const waiting = await this.#membersOf(group, entry);
    this.#seen.add(group.toLowerCase());
    while (waiting.length > 0) {
      this.#limit.throwIfAborted();
      const batch = waiting.splice(-AT_ONCE);
      const found = await Promise.all(batch.map((dn) => this.#readMember(dn)));
      waiting.push(...found.flat());
      if (this.#seen.size > MOST) throw new Error(`it has more than ${MOST} members`);
    }
    return { members: [...this.#mails.values()], nameless: this.#nameless };
  }

  /** A member that is a group itself has members of its own. */
  async #readMember(dn: string): Promise<string[]> {
    if (this.#seen.has(dn.toLowerCase())) return [];
    this.#seen.add(dn.toLowerCase());
    const entry = await this.#entry(dn);
    // Directories keep names of entries that are gone: nobody.
    if (entry === undefined) return [];
    const nested = await this.#membersOf(dn, entry);
    const mails = valuesOf(entry, 'mail').flatMap(mailMember);
    for (const [text, member] of mails) this.#mails.set(text, member);
    if (mails.length === 0 && nested.length === 0) this.#nameless += 1;
    return nested;
  }

  /** A unique name may have a bit string behind a # (RFC 4517 section 3.3.21). */
  async #membersOf(dn: string, entry: Entry): Promise<string[]> {
    const read: AttributeReader = (attributes) => this.#entry(dn, attributes);
    const members = await allValuesOf(entry, 'member', read, MOST);
    const unique = await allValuesOf(entry, 'uniqueMember', read, MOST);
    const names = unique.map((name) => name.replace(/#'[01]*'B$/, ''));
    return [...members, ...names].filter((name) => name !== '');
  }

  async #entry(
    dn: string,
    attributes: readonly string[] = ['member', 'uniqueMember', 'mail'],
  ): Promise<Entry | undefined> {
    const { NoSuchObjectError } = await import('ldapts');
    try {
      const { searchEntries } = await this.#client.search(dn, {
        scope: 'base',
        attributes: [...attributes],
        timeLimit: SEARCH_TIME,
      });
      return searchEntries[0];
    } catch (error) {
      if (error instanceof NoSuchObjectError) return undefined;
      throw error;
    }
  }
}

/** One person each: a directory names no selectors. */
function mailMember(mail: string): [string, Member][] {
  try {
    const donai = parseDonai(mail);
    if (donai.user === undefined) return [];
    return [[mail.toLowerCase(), { kind: 'selector', selector: donai }]];
  } catch (error) {
    if (error instanceof DonaiError) return [];
    throw error;
  }
}
