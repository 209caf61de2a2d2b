import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from './run-tlspool.ts';
import { type Stage, stage } from './state-stage.ts';

type Members = readonly { readonly name: string; readonly of: readonly string[] }[];

/** What docs/scripting.md says that the objects have, by command. */
const documented = new Map<string, Members>(
  [
    ...readFileSync(join(root, 'docs/scripting.md'), 'utf8').matchAll(
      /^\| `([a-z -]+)` \| (.*) \|$/gm,
    ),
  ].map(([, command = '', members = '']) => [command, membersIn(members)]),
);

function membersIn(text: string): Members {
  return [...text.matchAll(/`(\w+)(?:\[\])?(\?)?`(?: \(([^)]*)\))?/g)]
    .filter(([, , optional]) => optional === undefined)
    .map(([, name = '', , of]) => ({
      name,
      of: of?.includes('as of') ? [] : (of?.split(', ') ?? []),
    }));
}

/** What every change of rules has. */
const ofChanges = ['dryRun', 'doubts', 'closed', 'opened', 'flips', 'socket', 'sessions'];
/** Members that a command has besides those of its line in the table. */
const besides = new Map<string, readonly string[]>([
  ...['authz allow', 'authz open'].map(
    (command) => [command, [...ofChanges, 'applyToOpen', 'ended']] as const,
  ),
  ['trust expression set', ['expression']],
]);

/** Runs a command and holds its object against the table. */
async function holds(made: Stage, command: string, ...args: string[]): Promise<void> {
  const { stdout, stderr } = await made.tlspool(...command.split(' '), ...args, '--json');
  const result = JSON.parse(stdout) as Record<string, unknown>;
  const members = documented.get(command) ?? assert.fail(`${command} is not documented`);
  for (const { name, of } of members) {
    assert.ok(name in result, `${command}: ${name} is not in ${stdout}${stderr}`);
    const [first] = Array.isArray(result[name]) ? result[name] : [];
    for (const inner of first === undefined ? [] : of.filter((each) => !each.endsWith('?')))
      assert.ok(inner in first, `${command}: ${name}[].${inner}`);
  }
  const known = [...members.map(({ name }) => name), ...(besides.get(command) ?? [])];
  assert.deepEqual(Object.keys(result).sort(), known.sort(), command);
}

test('results are as the guide has them', async () => {
  using made = stage();
  const at = (name: string) => join(made.folder, name);
  await holds(made, 'init');
  await holds(made, 'identities create', 'localhost');
  await holds(made, 'identities csr', 'www.example.com');
  await holds(made, 'identities list');
  await holds(made, 'identities show', 'localhost');
  await holds(made, 'identities export', 'localhost', '--out', at('localhost.pem'));
  await holds(made, 'ca export', '--out', at('ca.pem'));
  await holds(made, 'ca crl');
  const subject = ['-subj', '/CN=john', '-keyout', at('john.key'), '-out', at('john.csr')];
  execFileSync('openssl', ['req', '-new', '-newkey', 'rsa:2048', '-nodes', ...subject], {
    stdio: 'ignore',
  });
  await holds(made, 'ca sign', at('john.csr'), '--as', 'john@example.com', '--out', at('john.pem'));
  await holds(made, 'ca list');
  await holds(made, 'tokens list');
  await holds(made, 'trust list');
  await holds(made, 'trust check', '--chain', at('john.pem'));
  await holds(made, 'authz whoami', '--cert', at('john.pem'));
  await holds(made, 'ca revoke', 'john@example.com');
  await holds(made, 'trust expression set', 'TI&', '--role', 'client');
  await holds(made, 'trust expression show');
  await holds(made, 'trust pin', 'localhost', at('localhost.pem'));
  await holds(made, 'trust unpin', 'localhost');
  await holds(made, 'disclose add', '.', 'john@example.com');
  await holds(made, 'disclose list');
  await holds(made, 'disclose test', 'imap.example.com');
  await holds(made, 'disclose remove', '.');
  await made.tlspool('authz', 'group', 'create', 'members', 'mary@example.com');
  await holds(made, 'authz group list');
  await holds(made, 'authz group members', 'members');
  await holds(made, 'authz allow', 'group:members', '--to', 'localhost');
  await holds(made, 'authz open', 'localhost');
  await holds(made, 'authz list');
  await holds(made, 'authz check', 'mary@example.com', '--to', 'localhost');
  await holds(made, 'authz export');
  await holds(made, 'authz log');
  writeFileSync(at('expected.authz'), 'allow mary@example.com localhost\n');
  await holds(made, 'authz test', at('expected.authz'));
  await holds(made, 'identities remove', 'localhost');
});
