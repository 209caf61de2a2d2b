import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { connected, readAll } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { tunnelled, wrapped } from './stage/wrapped.ts';

const lists = 'lists.example.org';
const member = 'mary@example.com';
const other = 'john@example.com';

const tell = ['sh', '-c', 'echo "<$TLS_REMOTE_ID> <$TLS_GROUPS> <$TLS_DECISION>"; cat'];

/** The pool of the list, and one that says which client comes through it. */
async function listPool(): Promise<Pool> {
  return await Pool.serving([[lists], [member, '--role', 'client'], [other, '--role', 'client']]);
}

async function saidTo(pool: Pool, port: number, who: string): Promise<string> {
  const server = ['--client', '--connect', `127.0.0.1:${port}`, '--remote-id', lists];
  await using client = await tunnelled(pool, ...server, '--local-id', who);
  const socket = connect(client.port, '127.0.0.1');
  socket.end();
  return await readAll(socket);
}

test('the first rule closes a local identity: members get in, others and strangers do not', async () => {
  await using pool = await listPool();
  await using served = await wrapped(pool, ['--inetd', '--service', 'smtp'], tell);
  assert.equal(await saidTo(pool, served.port, other), '<> <> <open>\n');

  await pool.command('authz', 'group', 'create', 'staff', member);
  await pool.command('authz', 'group', 'create', 'list-members', 'group:staff');
  const said = await pool.command(
    ...[
      'authz',
      'allow',
      'group:list-members',
      '--to',
      lists,
      '--service',
      'smtp',
      '--name',
      'members',
    ],
  );
  assert.match(said, /lists\.example\.org is closed, for every service/);

  assert.equal(
    await saidTo(pool, served.port, member),
    `<${member}> <list-members staff> <allowed-by-rule members>\n`,
  );
  await assert.rejects(saidTo(pool, served.port, other), { code: 'ECONNRESET' });
  await pool.daemon.saying(/"local":"lists\.example\.org",.*"msg":"handshake failed"/);
  const stranger = await connected(pool, served.port, { servername: lists });
  await assert.rejects(readAll(stranger), { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' });
  await pool.daemon.saying(/"reason":"no-rule",.*"remote":"john@example\.com",.*"msg":"denied"/);
});

test('a deny wins, and a removed member is put out when that is asked for', async () => {
  await using pool = await listPool();
  await using served = await wrapped(pool, ['--inetd', '--service', 'smtp'], tell);
  await pool.command('authz', 'group', 'create', 'list-members', member, other);
  await pool.command('authz', 'allow', 'group:list-members', '--to', lists);
  await pool.command('authz', 'deny', other, '--to', '.');
  await assert.rejects(saidTo(pool, served.port, other), { code: 'ECONNRESET' });

  const server = ['--client', '--connect', `127.0.0.1:${served.port}`, '--remote-id', lists];
  await using client = await tunnelled(pool, ...server, '--local-id', member);
  const socket = connect(client.port, '127.0.0.1');
  const ended = new Promise<string>((resolve) => {
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\n')) socket.emit('greeted');
    });
    socket.on('error', () => undefined).on('close', () => resolve(text));
  });
  await new Promise((resolve) => socket.once('greeted', resolve));
  const warned = await pool.command('authz', 'group', 'remove', 'list-members', member);
  assert.match(warned, /1 open session would not be allowed any more/);
  await pool.command('authz', 'group', 'add', 'list-members', member);
  const removal = ['authz', 'group', 'remove', 'list-members', member, '--apply-to-open'];
  assert.match(await pool.command(...removal), /1 open session ended/);
  assert.match(await ended, /mary@example\.com/);
});
