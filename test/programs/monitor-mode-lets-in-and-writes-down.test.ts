import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';
import { event, until } from '../patience.ts';
import { connected, cutOff, readAll } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { tunnelled, wrapped } from './stage/wrapped.ts';

const name = 'www.example.com';
const member = 'mary@example.com';
const other = 'john@example.com';
const tell = ['sh', '-c', 'echo "<$TLS_REMOTE_ID> <$TLS_DECISION>"; cat'];

test('a pool that only watches lets everybody in, ends nothing, and tells who would be denied', async () => {
  const identities = [[name], [member, '--role', 'client'], [other, '--role', 'client']];
  await using pool = await Pool.serving(identities, 'authorisation_mode monitor\n');
  await pool.command('authz', 'allow', member, '--to', name);
  await using served = await wrapped(pool, ['--inetd', '--service', 'https'], tell);

  // Asked for a certificate, and let in without one.
  const stranger = await connected(pool, served.port);
  stranger.end();
  assert.equal(await readAll(stranger), '<> <monitor anonymous>\n');

  const server = ['--client', '--connect', `127.0.0.1:${served.port}`, '--remote-id', name];
  await using tunnel = await tunnelled(pool, ...server, '--local-id', other);
  const running = connect(tunnel.port, '127.0.0.1');
  const [greeting] = await event(running, 'data');
  assert.equal(String(greeting), `<${other}> <monitor no-rule>\n`);

  // They are gathered before they are written.
  let told: string[] = [];
  await until('both decisions', async () => {
    const { decisions } = JSON.parse(await pool.command('authz', 'log', '--denied', '--json'));
    told = decisions
      .filter(({ about }: { about: string }) => about === 'remote')
      .map((one: { remote: string; reason: string; monitored: boolean }) => {
        return `${one.remote || 'anonymous'} ${one.reason} ${one.monitored}`;
      });
    return told.length >= 2;
  });
  assert.deepEqual(told.sort(), ['anonymous anonymous true', `${other} no-rule true`]);
  assert.match(pool.daemon.stderr, /"remote":"john@example\.com".*"msg":"would be denied"/);

  // The session is open: a pool that only watches has nothing against it.
  const deny = ['authz', 'deny', other, '--to', '.', '--apply-to-open'];
  assert.match(await pool.command(...deny), /^0 open sessions ended\.$/m);
  running.write('still there\n');
  assert.equal(String((await event(running, 'data'))[0]), 'still there\n');

  // Now it counts: what runs goes on until somebody says otherwise.
  writeFileSync(`${pool.folder}/tlspool.conf`, 'authorisation_mode enforce\n');
  pool.daemon.child.kill('SIGHUP');
  await pool.daemon.saying(/was read anew/);
  running.write('and still\n');
  assert.equal(String((await event(running, 'data'))[0]), 'and still\n');
  const ended = cutOff(running);
  const close = await pool.command('authz', 'close', name, '--apply-to-open');
  assert.match(
    close,
    /1 open session ended:\n.*john@example\.com at www\.example\.com: denied-by-rule/,
  );
  await ended;
  const late = await connected(pool, served.port);
  await assert.rejects(readAll(late), { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' });
});
