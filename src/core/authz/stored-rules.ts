import type { Kysely, Selectable } from 'kysely';
import { formatSelector, parseSelector } from '../identity/selector.ts';
import type { ProgramRulesTable, RulesTable, Schema, StandingsTable } from '../store/schema.ts';
import { parsePrefix } from './address-prefix.ts';
import { parseHours } from './hours.ts';
import type { ProgramRule } from './program-rule.ts';
import type { Authored, Rule } from './rule.ts';
import type { Standing } from './rule-index.ts';
import { formatWho, parseWho } from './who.ts';

/** Rows that are read in one go. */
const PAGE = 2_000;

/** All rules by name, in pages: whoever reads many may let others have a turn in between. */
export async function* readRules(db: Kysely<Schema>): AsyncIterable<Rule[]> {
  let last: string | undefined;
  do {
    let query = db.selectFrom('rules').selectAll().orderBy('name').limit(PAGE);
    if (last !== undefined) query = query.where('name', '>', last);
    const rows = await query.execute();
    yield rows.map(ruleOf);
    last = rows.length < PAGE ? undefined : rows.at(-1)?.name;
  } while (last !== undefined);
}

export async function listRules(db: Kysely<Schema>): Promise<Rule[]> {
  const rules: Rule[] = [];
  for await (const page of readRules(db)) rules.push(...page);
  return rules;
}

/** Those of these names that are there. */
export async function findRules(db: Kysely<Schema>, names: readonly string[]): Promise<Rule[]> {
  const rows = await db.selectFrom('rules').selectAll().where('name', 'in', names).execute();
  return rows.map(ruleOf);
}

/** Those with the same effect, WHO and local identities. */
export async function rulesAlike(
  db: Kysely<Schema>,
  { effect, who, to }: Pick<Rule, 'effect' | 'who' | 'to'>,
): Promise<Rule[]> {
  const rows = await db
    .selectFrom('rules')
    .selectAll()
    .where('effect', '=', effect)
    .where('who', '=', formatWho(who))
    .where('local', '=', formatSelector(to))
    .orderBy('name')
    .execute();
  return rows.map(ruleOf);
}

/** Of rules of both kinds. */
export async function ruleNames(db: Kysely<Schema>): Promise<ReadonlySet<string>> {
  const rules = await db.selectFrom('rules').select('name').execute();
  const programs = await db.selectFrom('program_rules').select('name').execute();
  return new Set([...rules, ...programs].map(({ name }) => name));
}

export async function insertRules(db: Kysely<Schema>, rules: readonly Rule[]): Promise<void> {
  for (let at = 0; at < rules.length; at += PAGE) {
    const page = rules.slice(at, at + PAGE).map(rowOf);
    await db.insertInto('rules').values(page).execute();
  }
}

export async function listProgramRules(db: Kysely<Schema>): Promise<ProgramRule[]> {
  const rows = await db.selectFrom('program_rules').selectAll().orderBy('name').execute();
  return rows.map(programRuleOf);
}

export async function insertProgramRule(db: Kysely<Schema>, rule: ProgramRule): Promise<void> {
  const { name, as, role, uid, gid, executable, digest, unit, expires } = rule;
  await db
    .insertInto('program_rules')
    .values({
      name,
      local: formatSelector(as),
      role: role ?? null,
      uid: uid ?? null,
      gid: gid ?? null,
      executable: executable ?? null,
      digest: digest ?? null,
      unit: unit ?? null,
      expires_at: expires === undefined ? null : new Date(expires).toISOString(),
      ...authorColumns(rule),
    })
    .execute();
}

export type StoredStanding = Standing & Authored;

export async function listStandings(db: Kysely<Schema>): Promise<StoredStanding[]> {
  const rows = await db.selectFrom('standings').selectAll().orderBy('local').execute();
  return rows.map(standingOf);
}

/** In place of what was said before. */
export async function putStanding(db: Kysely<Schema>, standing: StoredStanding): Promise<void> {
  const { local, is } = standing;
  await db.deleteFrom('standings').where('local', '=', local).execute();
  await db
    .insertInto('standings')
    .values({ local, standing: is, ...authorColumns(standing) })
    .execute();
}

export function authorColumns({ note, madeBy, madeAt }: Authored) {
  return { note, made_by: madeBy, made_at: madeAt };
}

export function authorOf(row: { note: string; made_by: string; made_at: string }): Authored {
  return { note: row.note, madeBy: row.made_by, madeAt: row.made_at };
}

function rowOf(rule: Rule): RulesTable {
  const { name, effect, who, to, service, when } = rule;
  const list = (items: readonly string[]) => (items.length === 0 ? null : items.join(' '));
  return {
    name,
    effect,
    who: formatWho(who),
    local: formatSelector(to),
    service: service ?? null,
    validated: list(when.validatedBy),
    addresses: list(when.from.map(({ text }) => text)),
    hours: when.hours?.text ?? null,
    expires_at: when.expires === undefined ? null : new Date(when.expires).toISOString(),
    ...authorColumns(rule),
  };
}

function ruleOf(row: Selectable<RulesTable>): Rule {
  return {
    name: row.name,
    effect: row.effect,
    who: parseWho(row.who),
    to: parseSelector(row.local),
    service: row.service ?? undefined,
    when: {
      validatedBy: row.validated?.split(' ') ?? [],
      from: row.addresses?.split(' ').map(parsePrefix) ?? [],
      hours: row.hours === null ? undefined : parseHours(row.hours),
      expires: moment(row.expires_at),
    },
    ...authorOf(row),
  };
}

function programRuleOf(row: Selectable<ProgramRulesTable>): ProgramRule {
  return {
    name: row.name,
    as: parseSelector(row.local),
    role: row.role ?? undefined,
    uid: row.uid ?? undefined,
    gid: row.gid ?? undefined,
    executable: row.executable ?? undefined,
    digest: row.digest ?? undefined,
    unit: row.unit ?? undefined,
    expires: moment(row.expires_at),
    ...authorOf(row),
  };
}

function standingOf(row: Selectable<StandingsTable>): StoredStanding {
  return { local: row.local, is: row.standing, ...authorOf(row) };
}

function moment(time: string | null): number | undefined {
  return time === null ? undefined : Date.parse(time);
}
