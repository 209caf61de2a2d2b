import { formatSelector } from '../identity/selector.ts';
import type { Group, GroupSource, LdapSource } from './group.ts';
import { requireAbsolute } from './group-file.ts';
import { requireSafeUrl } from './ldap-group.ts';
import { makeProgramRule, makeRule } from './make-rule.ts';
import { parseName } from './name.ts';
import { describeProgramRule, type ProgramRule } from './program-rule.ts';
import { type Authored, describeRule, quoted, type Rule } from './rule.ts';
import { RuleError } from './rule-error.ts';
import { shellWords } from './shell-words.ts';
import type { StoredStanding } from './stored-rules.ts';
import { formatWho, type Member, parseMember, parseRuleSelector } from './who.ts';

/** All rules and groups, as one text that people review: it does not depend on the order in which they were made. */
export interface WrittenPolicy {
  readonly rules: readonly Rule[];
  readonly programRules: readonly ProgramRule[];
  readonly standings: readonly StoredStanding[];
  readonly groups: readonly Group[];
  /** Of groups that the store keeps. */
  readonly members: ReadonlyMap<string, readonly Member[]>;
}

const HEADING = '# Who may do what (tlspool authz export); read by tlspool authz import.';

export function formatPolicy(policy: WrittenPolicy): string {
  const sections = [
    policy.groups.toSorted(byName).map((group) => groupLines(group, policy.members)),
    policy.standings.map(standingLine).sort(),
    policy.rules.toSorted(byName).map((rule) => ruleLine(describeRule(rule), rule)),
    policy.programRules.toSorted(byName).map((rule) => ruleLine(describeProgramRule(rule), rule)),
  ];
  const texts = sections.filter((lines) => lines.length > 0).map((lines) => lines.join('\n'));
  return `${[HEADING, ...texts].join('\n\n')}\n`;
}

/** @param author of what the text has. @throws RuleError naming the line */
export function parsePolicy(text: string, author: Authored, file: string): WrittenPolicy {
  const reader = new PolicyReader(author);
  for (const [index, line] of text.split('\n').entries()) {
    try {
      reader.read(line);
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      throw new RuleError(`${file}:${index + 1}: ${error.message}`, error.hint);
    }
  }
  return reader.policy;
}

/** What an entry says, with its note; its author and time left out. */
export function entryText(entry: Rule | ProgramRule): string {
  return ruleLine('effect' in entry ? describeRule(entry) : describeProgramRule(entry), entry);
}

export function groupText(group: Group): string {
  return groupLine(group);
}

export function standingLine({ is, local, note }: StoredStanding): string {
  return `${is === 'open' ? 'open' : 'close'} ${local}${noteOf(note)}`;
}

function ruleLine(text: string, { name, note }: { name: string; note: string }): string {
  return `${text} --name ${name}${noteOf(note)}`;
}

function groupLines(group: Group, members: WrittenPolicy['members']): string {
  const listed = (members.get(group.name) ?? []).map(formatWho).sort();
  return [groupLine(group), ...listed.map((member) => `  ${member}`)].join('\n');
}

function groupLine({ name, source, note }: Group): string {
  return `group ${name}${sourceFlags(source)}${noteOf(note)}`;
}

function sourceFlags(source: GroupSource): string {
  if (source.kind === 'store') return '';
  if (source.kind === 'file') return ` --file ${quoted(source.path)}`;
  const { url, dn, bindDn, passwordFile, caFile, startTls, refresh, stale } = source;
  const flags = [`--ldap ${quoted(url)}`, `--ldap-group ${quoted(dn)}`];
  if (bindDn !== undefined) flags.push(`--ldap-bind-dn ${quoted(bindDn)}`);
  if (passwordFile !== undefined) flags.push(`--ldap-password-file ${quoted(passwordFile)}`);
  if (caFile !== undefined) flags.push(`--ldap-ca-file ${quoted(caFile)}`);
  if (startTls) flags.push('--ldap-starttls');
  flags.push(`--refresh ${refresh}`, `--stale ${stale}`);
  return ` ${flags.join(' ')}`;
}

function noteOf(note: string): string {
  return note === '' ? '' : ` --note ${quoted(note)}`;
}

function byName({ name: one }: { name: string }, { name: other }: { name: string }): number {
  return one < other ? -1 : 1;
}

class PolicyReader {
  readonly #author: Authored;
  readonly #names = new Set<string>();
  readonly #rules: Rule[] = [];
  readonly #programRules: ProgramRule[] = [];
  readonly #standings: StoredStanding[] = [];
  readonly #groups: Group[] = [];
  readonly #members = new Map<string, Member[]>();
  /** Whose members the indented lines are. */
  #group: Group | undefined;

  constructor(author: Authored) {
    this.#author = author;
  }

  get policy(): WrittenPolicy {
    return {
      rules: this.#rules,
      programRules: this.#programRules,
      standings: this.#standings,
      groups: this.#groups,
      members: this.#members,
    };
  }

  read(line: string): void {
    const words = shellWords(line);
    if (words.length === 0) return;
    if (/^\s/.test(line)) {
      this.#readMembers(words);
      return;
    }
    this.#group = undefined;
    const [verb = '', ...rest] = words;
    const entry = new Entry(rest);
    const author = { ...this.#author, note: entry.one('note') ?? '' };
    switch (verb) {
      case 'allow':
      case 'deny':
        this.#rules.push(this.#named(readRule(verb, entry, author)));
        break;
      case 'allow-program':
        this.#programRules.push(this.#named(readProgramRule(entry, author)));
        break;
      case 'open':
      case 'close':
        this.#standings.push(readStanding(verb, entry, author));
        break;
      case 'group':
        this.#group = readGroup(entry, author);
        this.#requireNew(`group ${this.#group.name}`);
        this.#groups.push(this.#group);
        break;
      default:
        throw new RuleError(
          `“${verb}” is no entry`,
          'They are allow, deny, allow-program, open, close and group.',
        );
    }
    entry.requireRead();
  }

  #readMembers(words: readonly string[]): void {
    const group = this.#group;
    if (group?.source.kind !== 'store') {
      throw new RuleError('members stand below their group, whose source is the store');
    }
    const members = this.#members.get(group.name) ?? [];
    members.push(...words.map(parseMember));
    this.#members.set(group.name, members);
  }

  #named<Named extends { readonly name: string }>(rule: Named): Named {
    this.#requireNew(`rule ${rule.name}`);
    return rule;
  }

  #requireNew(what: string): void {
    if (this.#names.has(what)) throw new RuleError(`there is a ${what} above already`);
    this.#names.add(what);
  }
}

/** Words and flags of one line; every one of them must be asked for. */
class Entry {
  readonly #words: string[] = [];
  readonly #flags = new Map<string, string[]>();

  constructor(words: readonly string[]) {
    for (let at = 0; at < words.length; at += 1) {
      const word = words[at] ?? '';
      if (!word.startsWith('--')) {
        this.#words.push(word);
        continue;
      }
      const name = word.slice(2);
      const values = this.#flags.get(name) ?? [];
      this.#flags.set(name, values);
      if (switches.has(name)) values.push('');
      else values.push(words[++at] ?? missing(word));
    }
  }

  word(what: string): string {
    return this.#words.shift() ?? missing(what);
  }

  all(name: string): string[] {
    const values = this.#flags.get(name) ?? [];
    this.#flags.delete(name);
    return values;
  }

  one(name: string): string | undefined {
    const [value, ...others] = this.all(name);
    if (others.length > 0) throw new RuleError(`--${name} is there twice`);
    return value;
  }

  needed(name: string): string {
    return this.one(name) ?? missing(`--${name}`);
  }

  requireRead(): void {
    const [flag] = this.#flags.keys();
    const [word] = this.#words;
    if (flag !== undefined) throw new RuleError(`--${flag} means nothing here`);
    if (word !== undefined) throw new RuleError(`“${word}” means nothing here`);
  }
}

const switches: ReadonlySet<string> = new Set(['ldap-starttls']);

function missing(what: string): never {
  throw new RuleError(`${what} is missing`);
}

function readRule(effect: 'allow' | 'deny', entry: Entry, author: Authored): Rule {
  const who = entry.word('WHO');
  const written = {
    effect,
    who,
    to: entry.needed('to'),
    service: entry.one('service'),
    validated: entry.all('validated'),
    from: entry.all('from'),
    hours: entry.one('hours'),
    expires: entry.one('expires'),
    name: entry.needed('name'),
  };
  return makeRule(written, author, () => '');
}

function readProgramRule(entry: Entry, author: Authored): ProgramRule {
  const written = {
    as: entry.needed('as'),
    uid: numberOf(entry.one('user')),
    gid: numberOf(entry.one('group')),
    exe: entry.one('exe'),
    digest: entry.one('digest'),
    unit: entry.one('unit'),
    role: entry.one('role'),
    expires: entry.one('expires'),
    name: entry.needed('name'),
  };
  return makeProgramRule(written, author, () => '');
}

function readStanding(verb: 'open' | 'close', entry: Entry, author: Authored): StoredStanding {
  const local = formatSelector(parseRuleSelector(entry.word('LOCALID')));
  return { local, is: verb === 'open' ? 'open' : 'closed', ...author };
}

function readGroup(entry: Entry, author: Authored): Group {
  const name = parseName('group', entry.word('NAME'));
  const file = entry.one('file');
  const url = entry.one('ldap');
  if (file !== undefined) {
    return { name, source: { kind: 'file', path: requireAbsolute(file) }, ...author };
  }
  if (url !== undefined) return { name, source: readLdap(url, entry), ...author };
  return { name, source: { kind: 'store' }, ...author };
}

function readLdap(url: string, entry: Entry): LdapSource {
  const startTls = entry.all('ldap-starttls').length > 0;
  const bindDn = entry.one('ldap-bind-dn');
  const passwordFile = entry.one('ldap-password-file');
  const caFile = entry.one('ldap-ca-file');
  if ((bindDn === undefined) !== (passwordFile === undefined)) {
    throw new RuleError('--ldap-bind-dn and --ldap-password-file go together');
  }
  return {
    kind: 'ldap',
    url: requireSafeUrl(url, startTls),
    dn: entry.needed('ldap-group'),
    bindDn,
    passwordFile: passwordFile && requireAbsolute(passwordFile),
    caFile: caFile && requireAbsolute(caFile),
    startTls,
    refresh: secondsOf('refresh', entry),
    stale: secondsOf('stale', entry),
  };
}

function secondsOf(flag: string, entry: Entry): number {
  const seconds = numberOf(entry.needed(flag)) ?? 0;
  if (seconds > 0) return seconds;
  throw new RuleError(`--${flag} is at least 1 s`);
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new RuleError(`“${text}” is no number`);
}
