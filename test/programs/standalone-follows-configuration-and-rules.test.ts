import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { event } from '../patience.ts';
import { connected, name, readAll } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { tunnelled, wrapped } from './stage/wrapped.ts';

const member = 'mary@example.com';

test('a pool inside a command takes tlspool.conf as the daemon does', async () => {
  await using pool = await Pool.create([[name]]);
  const configure = (text: string) => writeFileSync(join(pool.folder, 'tlspool.conf'), text);
  const greeting = ['sh', '-c', 'echo welcome'];
  {
    await using served = await wrapped(pool, ['--standalone', '--inetd'], greeting);
    assert.equal(await readAll(await connected(pool, served.port)), 'welcome\n');
  }
  configure('authorisation required\n');
  {
    await using served = await wrapped(pool, ['--standalone', '--inetd'], greeting);
    const refused = { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' };
    await assert.rejects(readAll(await connected(pool, served.port)), refused);
  }
  configure('nonsense\n');
  const faulty = pool.start('wrap', '--standalone', '--listen', '127.0.0.1:0', '--', ...greeting);
  assert.equal(await faulty.ended, 125);
  assert.match(faulty.stderr, /there is no setting nonsense/);
});

test('--apply-to-open ends the sessions of a pool inside a command, too', async () => {
  await using pool = await Pool.create([[name], [member, '--role', 'client']]);
  await pool.command('authz', 'allow', member, '--to', name);
  await using served = await wrapped(
    pool,
    ['--standalone', '--inetd'],
    ['sh', '-c', 'echo in; cat'],
  );
  const server = ['--client', '--connect', `127.0.0.1:${served.port}`, '--remote-id', name];
  await using tunnel = await tunnelled(pool, '--standalone', ...server, '--local-id', member);
  const socket = connect(tunnel.port, '127.0.0.1');
  socket.on('error', () => undefined);
  assert.equal(String((await event(socket, 'data'))[0]), 'in\n');

  const ended = event(socket, 'close');
  const open = await pool.command(
    'authz',
    'allow',
    'john@example.com',
    '--to',
    name,
    '--apply-to-open',
  );
  assert.doesNotMatch(open, /ended/);
  socket.write('still there\n');
  assert.equal(String((await event(socket, 'data'))[0]), 'still there\n');
  await pool.command('authz', 'remove', 'r1', '--apply-to-open');
  await ended;
});
