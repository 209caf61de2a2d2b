import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../built.ts';
import type { Stage } from './state-stage.ts';

interface Member {
  readonly name: string;
  /** Only there if it was given, or if it is known. */
  readonly optional: boolean;
  /** Of an object, or of the objects in a list; undefined: that is not said. */
  readonly of: readonly Omit<Member, 'of'>[] | undefined;
}

type Result = Record<string, unknown>;

/** What docs/scripting.md says that the objects have, by command. */
const documented = new Map<string, readonly Member[]>();
for (const [, command = '', members = ''] of readFileSync(
  join(root, 'docs/scripting.md'),
  'utf8',
).matchAll(/^\| `([a-z -]+)` \| (.*) \|$/gm)) {
  documented.set(command, membersIn(members));
}

/** Commands that the guide describes. */
export const describedCommands: ReadonlySet<string> = new Set(documented.keys());

function membersIn(text: string): Member[] {
  const change = text.includes('what every change has') ? membersIn(changes()) : [];
  const own = [...text.matchAll(/`(\w+)(?:\[\])?(\?)?`(?: \(([^)]*)\))?/g)].map(
    ([, name = '', mark, of]) => ({ name, optional: mark !== undefined, of: innerOf(name, of) }),
  );
  return [...own, ...change];
}

/** The sentence about every change of rules and groups. */
function changes(): string {
  const guide = readFileSync(join(root, 'docs/scripting.md'), 'utf8');
  return /^Every change of rules and groups has ([\s\S]*?)\.$/m.exec(guide)?.[1] ?? assert.fail();
}

function innerOf(name: string, text: string | undefined): Member['of'] {
  if (text === undefined) return undefined;
  const [, elsewhere] = /^as of `(.*)`$/.exec(text) ?? [];
  if (elsewhere !== undefined) {
    return documented.get(elsewhere)?.find((each) => each.name === name || each.name === `${name}s`)
      ?.of;
  }
  if (!/^[\w?]+(?:, [\w?]+)*$/.test(text)) return undefined;
  return text
    .split(', ')
    .map((each) => ({ name: each.replace('?', ''), optional: each.endsWith('?') }));
}

/** Runs a command and holds its object against the guide. */
export async function holds(made: Stage, command: string, ...args: string[]): Promise<void> {
  const { stdout, stderr } = await made.tlspool(...command.split(' '), ...args, '--json');
  assert.notEqual(stdout, '', `${command}: ${stderr}`);
  holdsAsDocumented(command, stdout);
}

/** Holds what a command printed under `--json` against the guide. */
export function holdsAsDocumented(command: string, printed: string): void {
  const result = JSON.parse(printed) as Result;
  const members = documented.get(command) ?? assert.fail(`${command} is not in the guide`);
  compare(command, members, result);
  for (const { name, of } of members) {
    const value = result[name];
    const [first] = Array.isArray(value) ? value : [value];
    if (of === undefined || first === undefined || first === null) continue;
    compare(`${command}: ${name}`, of, first as Result);
  }
}

function compare(where: string, members: readonly Omit<Member, 'of'>[], object: Result): void {
  for (const { name, optional } of members) {
    assert.ok(optional || name in object, `${where}: ${name} is not in ${JSON.stringify(object)}`);
  }
  const known = new Set(members.map(({ name }) => name));
  const more = Object.keys(object).filter((name) => !known.has(name));
  assert.deepEqual(more, [], `${where}: not in the guide`);
}
