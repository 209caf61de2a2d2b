import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from './stage/pool.ts';
import { freePort } from './stage/ports.ts';
import { groupName, Slapd } from './stage/slapd.ts';

const lists = 'lists.example.org';

/** Asks until the answer is as expected, or too long. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('it never came about');
    await pause(200);
  }
}

test('a directory is believed until its stale limit, then nobody is certain to be a member', async () => {
  await using pool = await Pool.serving([[lists]]);
  const groups = { staff: ['mary', 'john'], all: ['anna', 'cn=staff'] };
  await using slapd = await Slapd.start(pool.folder, await freePort(), groups);
  const source = ['--ldap', slapd.url, '--ldap-group', groupName('all')];
  const times = ['--refresh', '1 s', '--stale', '15 s'];
  const created = await pool.command('authz', 'group', 'create', 'all', ...source, ...times);
  assert.match(created, /The directory lists 3 members/);
  await pool.command('authz', 'allow', 'group:all', '--to', lists, '--service', 'smtp');
  await pool.command('authz', 'deny', 'group:all', '--to', lists, '--service', 'imap');

  const check = async (who: string, service: string) => {
    const args = ['authz', 'check', who, '--to', lists, '--service', service, '--json'];
    const running = pool.start(...args);
    await running.ended;
    const { remote } = JSON.parse(running.stdout);
    return `${remote.allowed} ${remote.reason}`;
  };
  assert.equal(await check('mary@example.com', 'smtp'), 'true allowed-by-rule');
  assert.equal(await check('bob@example.com', 'smtp'), 'false no-rule');

  await slapd.stop();
  // Nobody asks the directory to decide: what it said is believed, and the daemon goes on.
  assert.equal(await check('mary@example.com', 'smtp'), 'true allowed-by-rule');
  await until(async () => (await check('mary@example.com', 'smtp')) === 'false stale');
  assert.equal(await check('bob@example.com', 'imap'), 'false stale', 'a deny applies');
  assert.match(pool.daemon.stderr, /members of a group are not known/);
  const complaints = pool.daemon.stderr.match(/members of a group are not known/g);
  assert.equal(complaints?.length, 1, 'it is said once');
  assert.match(await pool.command('status'), /./);

  await slapd.serve();
  await until(async () => (await check('mary@example.com', 'smtp')) === 'true allowed-by-rule');
});
