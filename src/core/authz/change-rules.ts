import type { Kysely } from 'kysely';
import { TlspoolError } from '../errors.ts';
import type { Schema } from '../store/schema.ts';
import { describeProgramRule, type ProgramRule } from './program-rule.ts';
import { describeRule, type Rule } from './rule.ts';
import {
  findRules,
  insertProgramRule,
  insertRules,
  listProgramRules,
  ruleNames,
  rulesAlike,
} from './stored-rules.ts';

/** Adds a rule. One that says the same already is returned instead: there is no need for two. @throws TlspoolError */
export async function addRule(
  db: Kysely<Schema>,
  make: (freeName: () => string) => Rule,
): Promise<{ readonly rule: Rule; readonly isNew: boolean }> {
  const names = await ruleNames(db);
  const rule = make(() => freeName('r', names));
  const alike = await rulesAlike(db, rule);
  const same = alike.find((other) => describeRule(other) === describeRule(rule));
  if (same !== undefined) return { rule: same, isNew: false };
  requireFree(rule.name, names);
  await insertRules(db, [rule]);
  return { rule, isNew: true };
}

export async function addProgramRule(
  db: Kysely<Schema>,
  make: (freeName: () => string) => ProgramRule,
): Promise<{ readonly rule: ProgramRule; readonly isNew: boolean }> {
  const rules = await listProgramRules(db);
  const names = await ruleNames(db);
  const rule = make(() => freeName('p', names));
  const same = rules.find((other) => describeProgramRule(other) === describeProgramRule(rule));
  if (same !== undefined) return { rule: same, isNew: false };
  requireFree(rule.name, names);
  await insertProgramRule(db, rule);
  return { rule, isNew: true };
}

/** @throws TlspoolError `no-rule`; nothing is removed then */
export async function removeRule(
  db: Kysely<Schema>,
  name: string,
): Promise<{ readonly name: string; readonly text: string }> {
  const [rule] = await findRules(db, [name]);
  if (rule !== undefined) {
    await db.deleteFrom('rules').where('name', '=', name).execute();
    return { name, text: describeRule(rule) };
  }
  const programs = await listProgramRules(db);
  const program = programs.find((candidate) => candidate.name === name);
  if (program === undefined) {
    const hint = 'See `tlspool authz list`.';
    throw new TlspoolError('no-rule', `there is no rule ${name}`, { hint });
  }
  await db.deleteFrom('program_rules').where('name', '=', name).execute();
  return { name, text: describeProgramRule(program) };
}

/** r1, r2, …: the first number that was never higher. */
function freeName(letter: string, names: ReadonlySet<string>): string {
  const numbered = new RegExp(`^${letter}(\\d+)$`);
  let highest = 0;
  for (const name of names) highest = Math.max(highest, Number(numbered.exec(name)?.[1] ?? 0));
  return `${letter}${highest + 1}`;
}

function requireFree(name: string, names: ReadonlySet<string>): void {
  if (!names.has(name)) return;
  throw new TlspoolError('rule-exists', `there is a rule ${name} already`, {
    hint: `Remove it first (tlspool authz remove ${name}), or give another --name.`,
  });
}
