import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DecisionLog, type RemoteRecord } from '../../src/core/authz/decision-log.ts';
import { insertGroup, putFetched } from '../../src/core/authz/stored-groups.ts';
import { openStore } from '../../src/core/store/store.ts';
import { silentLog } from '../../src/core/telemetry/log.ts';
import { type Stage, stage } from './state-stage.ts';

const author = { note: '', madeBy: 'test', madeAt: new Date(0).toISOString() };
const lists = 'lists.example.org';

/** A pool with that local identity, and no daemon. */
async function pool(t: TestContext): Promise<Stage> {
  const made = stage();
  t.after(() => made[Symbol.dispose]());
  await using store = await openStore(made.stateDir, 'create');
  const row = { donai: lists, created_at: author.madeAt };
  await store.db.insertInto('identities').values(row).execute();
  return made;
}

async function authz(made: Stage, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await made.tlspool('authz', ...args);
  assert.equal(code, 0, stderr + stdout);
  return stdout;
}

async function withMembers(t: TestContext): Promise<Stage> {
  const made = await pool(t);
  await authz(made, 'group', 'create', 'staff', 'mary@example.com');
  await authz(made, 'group', 'create', 'list-members', 'group:staff', 'anna@example.com');
  const rule = ['allow', 'group:list-members', '--to', lists, '--service', 'smtp'];
  await authz(made, ...rule, '--name', 'members', '--note', 'only they may post');
  return made;
}

async function check(made: Stage, exit: number, who: string): Promise<string> {
  const question = ['--to', lists, '--service', 'smtp', '--explain'];
  const { code, stdout, stderr } = await made.tlspool('authz', 'check', who, ...question);
  assert.equal(code, exit, stderr);
  assert.ok(stdout.trim().split('\n').length <= 11, 'ten lines, not a trace');
  return stdout;
}

test('explained: allowed through a nested group', async (t) => {
  const said = await check(await withMembers(t), 0, 'mary@example.com');
  assert.match(said, /^allowed: mary@example\.com may use lists\.example\.org for smtp$/m);
  assert.match(said, /^ {2}why {5}rule members lets it in .*\[allowed-by-rule\]$/m);
  assert.match(said, /^ {2}path {4}mary@example\.com → staff → list-members$/m);
  assert.match(said, /^ {2}note {4}only they may post$/m);
  assert.match(said, /closed: without an allow nobody gets in/);
});

test('explained: denied by a more general deny', async (t) => {
  const made = await withMembers(t);
  await authz(made, 'deny', '@example.com', '--to', '.', '--name', 'feud');
  const said = await check(made, 1, 'mary@example.com');
  assert.match(said, /^denied: mary@example\.com may not use/m);
  assert.match(said, /rule feud denies it \(deny @example\.com --to \.\) \[denied-by-rule\]/);
  assert.match(said, /members: allow .*\(applies: mary@example\.com → staff → list-members\)/);
});

test('explained: no rule, and anonymous', async (t) => {
  const made = await withMembers(t);
  const stranger = await check(made, 1, 'bob@example.com');
  assert.match(stranger, /closed, and no rule lets this client in for smtp \[no-rule\]/);
  assert.match(stranger, /members: allow .*\(about others\)/);
  const nobody = await check(made, 1, 'anonymous');
  assert.match(nobody, /^denied: a client without a certificate may not use/m);
  assert.match(nobody, /no rule lets in clients that show no certificate \[anonymous\]/);
});

test('explained: a group whose directory was not reached for too long', async (t) => {
  const made = await pool(t);
  const source = {
    kind: 'ldap',
    url: 'ldaps://ldap.example.com',
    dn: 'cn=staff',
    bindDn: undefined,
    passwordFile: undefined,
    caFile: undefined,
    startTls: false,
    refresh: 300,
    stale: 3_600,
  } as const;
  {
    await using store = await openStore(made.stateDir, 'write');
    await insertGroup(store.db, { name: 'staff', source, ...author });
    await putFetched(store.db, 'staff', { at: Date.now() - 7_200_000, members: [] });
  }
  await authz(made, 'allow', 'group:staff', '--to', lists, '--name', 'staff-only');
  const said = await check(made, 1, 'mary@example.com');
  assert.match(said, /rule staff-only would let in members, but ldaps:\/\/ldap\.example\.com/);
  assert.match(said, /was not reached for 7[2-9]\d\d s, 3600 s are allowed \[stale\]/);
});

test('a misspelt group is pointed out; with --strict nothing is changed', async (t) => {
  const made = await pool(t);
  const rule = ['allow', 'group:staf', '--to', 'list.example.org'];
  const strict = await made.tlspool('authz', ...rule, '--strict');
  assert.equal(strict.code, 2);
  assert.match(await authz(made, 'list'), /No rules/);
  const lenient = await made.tlspool('authz', ...rule);
  assert.equal(lenient.code, 0);
  assert.match(lenient.stderr, /there is no group staf/);
  assert.match(lenient.stderr, /no local identity that list\.example\.org stands for/);
  const { code, stderr } = await made.tlspool('authz', 'allow', 'staff', '--to', lists);
  assert.equal(code, 2);
  assert.match(stderr, /Did you mean group:staff\?/);
});

test('a rule that closes or opens a local identity says so; a dry run changes nothing', async (t) => {
  const made = await pool(t);
  const record: RemoteRecord = {
    id: 's-1',
    at: new Date().toISOString(),
    about: 'remote',
    allowed: true,
    reason: 'open',
    rule: null,
    local: lists,
    remote: 'john@example.com',
    names: [],
    validatedBy: 'TI',
    groups: [],
    service: 'smtp',
    address: '192.0.2.1:4711',
    monitored: false,
  };
  {
    await using log = new DecisionLog(made.stateDir, silentLog);
    log.add(record);
    log.add({ ...record, remote: 'mary@example.com' });
  }
  const rule = ['allow', 'mary@example.com', '--to', lists];
  const tried = await authz(made, ...rule, '--dry-run');
  assert.match(tried, /would be closed/);
  assert.match(tried, /allowed → denied {2}john@example\.com at lists\.example\.org for smtp/);
  assert.doesNotMatch(tried, /mary@example\.com at/);
  assert.match(await authz(made, 'list'), /No rules/);

  assert.match(await authz(made, ...rule), /lists\.example\.org is closed, for every service/);
  assert.match(await authz(made, 'remove', 'r1', '--dry-run'), /^Rule r1 would be gone: allow/);
  assert.match(
    await authz(made, 'remove', 'r1'),
    /^Rule r1 is gone: (?:.*\n)*lists\.example\.org is open: everybody gets in/,
  );
  assert.match(await authz(made, 'close', lists), /lists\.example\.org is closed/);

  const explained = await authz(made, 'explain', '--last');
  assert.match(explained, /session s-1: allowed \[open\]/);
  assert.match(explained, /Now:\ndenied: mary@example\.com/);
});

test('it is said where no daemon answers that could have ended open sessions', async (t) => {
  const made = await pool(t);
  const socket = join(made.folder, 'nobody');
  const deny = ['authz', 'deny', 'mary@example.com', '--to', lists, '--socket', socket];
  const quiet = await made.tlspool(...deny);
  assert.equal(quiet.code, 0);
  assert.doesNotMatch(quiet.stderr, /no daemon/);
  const said = await made.tlspool(...deny, '--apply-to-open');
  assert.equal(said.code, 0, said.stderr);
  assert.match(said.stderr, /^Warning: no daemon answers at \S+nobody: /m);
  assert.doesNotMatch(said.stdout, /ended/);
  const report = JSON.parse(await authz(made, ...deny.slice(1), '--apply-to-open', '--json'));
  assert.deepEqual([report.socket, report.sessions, report.ended], [socket, null, false]);
  const tried = await made.tlspool(...deny, '--apply-to-open', '--dry-run');
  assert.doesNotMatch(tried.stderr, /no daemon/);
});

test('a policy comes back from its text, whatever was made first, and is tested by a table', async (t) => {
  const made = await withMembers(t);
  await authz(made, 'deny', 'everyone', '--to', '.', '--from', '10.0.0.0/8', '--hours', 'sat,sun');
  await authz(made, 'allow-program', '--user', '61001', '--as', lists, '--role', 'server');
  await authz(made, 'open', 'www.example.org', '--note', "it's public");
  const policy = await authz(made, 'export');
  const file = join(made.folder, 'policy');
  writeFileSync(file, policy);
  assert.match(await authz(made, 'import', file), /Everything is so already/);

  const other = await pool(t);
  await authz(other, 'import', file);
  assert.equal(await authz(other, 'export'), policy);

  const table = join(made.folder, 'table');
  writeFileSync(
    table,
    [
      `allow mary@example.com ${lists} smtp rule=members at=2026-11-25T12:00:00Z`,
      `deny anonymous ${lists} smtp reason=anonymous at=2026-11-25T12:00:00Z`,
      `allow uid=61001 ${lists}`,
      `deny uid=61002 ${lists}`,
    ].join('\n'),
  );
  const passed = await authz(other, 'test', table);
  assert.match(passed, /No case reaches rule r1\./);
  assert.match(passed, /4 of 4 decisions are as expected/);
  writeFileSync(table, `allow bob@example.com ${lists} smtp at=2026-11-25T12:00:00Z\n`);
  const failed = await other.tlspool('authz', 'test', table, '--format', 'tap');
  assert.equal(failed.code, 1);
  assert.match(failed.stdout, /^not ok 1 .*\n(?:.*\n)*? {2}got: "deny \(no-rule\)"/m);
  writeFileSync(table, 'perhaps bob@example.com\n');
  assert.equal((await other.tlspool('authz', 'test', table)).code, 2);
});

test('groups hold groups but never themselves, and one in use stays', async (t) => {
  const made = await withMembers(t);
  const cycle = await made.tlspool('authz', 'group', 'add', 'staff', 'group:list-members');
  assert.equal(cycle.code, 2);
  assert.match(cycle.stderr, /staff would hold itself: staff holds list-members holds staff/);
  const nobody = await made.tlspool('authz', 'group', 'remove', 'staff');
  assert.match(nobody.stderr, /^Error: missing MEMBER\n.*--whole removes the group itself\.\n$/);
  const used = await made.tlspool('authz', 'group', 'remove', 'staff', '--whole');
  assert.equal(used.code, 1);
  assert.match(used.stderr, /group staff is named by group list-members/);
  const file = join(made.folder, 'members');
  writeFileSync(file, '# all of them\njohn@example.com\n@partner.example\n');
  assert.match(
    await authz(made, 'group', 'import', 'staff', file, '--replace'),
    /2 added, 1 removed/,
  );
  assert.equal(
    await authz(made, 'group', 'members', 'staff'),
    '@partner.example\njohn@example.com\n',
  );
});

test('questions that cannot be meant are no answers: exit code 2', async (t) => {
  const made = await pool(t);
  const refused = async (pattern: RegExp, ...args: string[]) => {
    const { code, stderr } = await made.tlspool('authz', ...args);
    assert.equal(code, 2);
    assert.match(stderr, pattern);
  };
  const about = ['--to', lists];
  const nowhere = ['--state-dir', '/nonexistent'];
  await Promise.all([
    refused(/Did you mean group:staff\?/, 'check', 'staff', ...about),
    refused(/stands for many/, 'check', '@example.com', ...about),
    refused(/1\.2\.3 is no address/, 'check', 'anonymous', ...about, '--address', '1.2.3'),
    refused(/no way to validate/, 'check', 'mary@example.com', ...about, '--validated', 'xyz'),
    refused(/there is no state/, 'check', 'anonymous', ...about, ...nowhere),
    refused(/there is no state/, 'explain', '--last', ...nowhere),
    refused(/cannot read \/nonexistent: no such file or directory$/m, 'test', '/nonexistent'),
    refused(/there is no port 99999/, 'whoami', '--cert', 'www.example.com:99999'),
    refused(/no denial was logged/, 'explain', '--last', '--denied'),
  ]);
});

test('what is said and comes to nothing is pointed out', async (t) => {
  const made = await pool(t);
  const warned = async (pattern: RegExp, ...args: string[]) => {
    const { code, stderr } = await made.tlspool('authz', ...args);
    assert.equal(code, 0, stderr);
    assert.match(stderr, pattern);
  };
  const over = ['--expires', '2020-01-01'];
  await warned(/is over already/, 'allow', 'mary@example.com', '--to', lists, ...over);
  await warned(
    /cannot be read: no such file/,
    'group',
    'create',
    'staff',
    '--file',
    '/nonexistent',
  );
  const unit = ['allow-program', '--user', '61001', '--as', lists, '--unit', 'nginx'];
  assert.match(await authz(made, ...unit), /--unit nginx\.service/);
});
