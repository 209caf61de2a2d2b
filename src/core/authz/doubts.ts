import { readFile } from 'node:fs/promises';
import type { Kysely } from 'kysely';
import { matches, parseSelector } from '../identity/selector.ts';
import type { Schema } from '../store/schema.ts';
import { readGroupFile } from './group-file.ts';
import { RuleError } from './rule-error.ts';

export interface Mentions {
  /** Selectors of local identities. */
  readonly locals?: readonly string[];
  readonly services?: readonly string[];
  readonly groups?: readonly string[];
  /** Files of members, by group. */
  readonly files?: ReadonlyMap<string, string>;
  /** When what is said ends, epoch ms. */
  readonly ends?: number | undefined;
}

/** What is named and is not there: a misspelling, most likely. @throws RuleError with the first, if `strict` */
export async function findDoubts(
  db: Kysely<Schema>,
  { locals = [], services = [], groups = [], files = new Map(), ends }: Mentions,
  strict: boolean,
  hint = 'Nothing was changed.',
): Promise<string[]> {
  const doubts = [
    ...(await missingLocals(db, locals)),
    ...(await missingGroups(db, groups)),
    ...(await missingServices(services)),
    ...(await unreadableFiles(files)),
    ...(ends !== undefined && ends <= Date.now() ? [OVER] : []),
  ];
  const [first] = doubts;
  if (strict && first !== undefined) throw new RuleError(first, hint);
  return doubts;
}

const OVER = 'it is over already, and applies to nobody';

async function unreadableFiles(files: ReadonlyMap<string, string>): Promise<string[]> {
  const read = await Promise.all([...files].map(([group, path]) => readGroupFile(group, path)));
  return read.flatMap(({ gap }) => (gap === undefined ? [] : [gap.text]));
}

async function missingLocals(db: Kysely<Schema>, locals: readonly string[]): Promise<string[]> {
  if (locals.length === 0) return [];
  const rows = await db.selectFrom('identities').select('donai').execute();
  const known = rows.map(({ donai }) => donai);
  return unique(locals)
    .filter((local) => !known.some((donai) => concerns(local, donai)))
    .map((local) => `there is no local identity that ${local} stands for (yet)`);
}

/** A wildcard's identity, `.example.com`, can show itself as names below it. */
function concerns(local: string, donai: string): boolean {
  const [pattern, identity] = [parseSelector(local), parseSelector(donai)];
  if (!identity.domain.startsWith('.')) return matches(pattern, identity as never);
  const below = { ...identity, domain: `any${identity.domain}` };
  return matches(pattern, below as never) || matches(identity, pattern as never);
}

async function missingGroups(db: Kysely<Schema>, groups: readonly string[]): Promise<string[]> {
  if (groups.length === 0) return [];
  const rows = await db.selectFrom('groups').select('name').execute();
  const known = new Set(rows.map(({ name }) => name));
  return unique(groups)
    .filter((group) => !known.has(group))
    .map((group) => `there is no group ${group}; make it: tlspool authz group create ${group}`);
}

/** Where the system has a list of services. */
async function missingServices(services: readonly string[]): Promise<string[]> {
  if (services.length === 0) return [];
  let text: string;
  try {
    text = await readFile('/etc/services', 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const known = new Set(
    text
      .split('\n')
      .map((line) => line.replace(/#.*/, '').trim().toLowerCase().split(/\s+/))
      .flatMap(([name = '', , ...aliases]) => [name, ...aliases]),
  );
  return unique(services)
    .filter((service) => !known.has(service))
    .map((service) => `there is no service ${service} in /etc/services`);
}

function unique(items: readonly string[]): string[] {
  return [...new Set(items)];
}
