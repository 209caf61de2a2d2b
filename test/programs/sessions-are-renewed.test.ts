import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { connect, type PoolConnection, type StartTlsFlags } from '../../src/client/index.ts';
import { within } from '../patience.ts';
import { OwnCa } from './stage/own-ca.ts';
import { Pool } from './stage/pool.ts';
import { Renewable } from './stage/renewable.ts';

const name = 'www.example.com';
const member = 'mary@example.com';
const stranger = 'eve@example.net';

let pool: Pool;
let program: PoolConnection;
const ca = new OwnCa();
before(async () => {
  pool = await Pool.serving([[name]]);
  await pool.command('trust', 'add', ca.file, '--role', 'client', '--for', '@example.com');
  program = await connect({ socket: pool.socket });
  await program.ping();
});
after(async () => {
  program?.close();
  await pool?.[Symbol.asyncDispose]();
  ca[Symbol.dispose]();
});

/** A server's session whose client is `openssl s_client`. */
function met(client: readonly string[], flags?: StartTlsFlags): Promise<Renewable> {
  const command = (port: number) => [
    ...['openssl', 's_client', '-connect', `127.0.0.1:${port}`, '-servername', name],
    ...['-CAfile', pool.caFile, '-brief', ...client],
  ];
  return Renewable.server(program, name, command, flags && { flags });
}

function asClient(user: string): string[] {
  const { key, cert } = ca.issue(user);
  return ['-cert', cert, '-key', key];
}

test('a client is asked after the handshake who it is, and data flows before and after', async () => {
  await using one = await met(['-enable_pha', ...asClient(member)]);
  assert.equal(one.session.remoteId, '');
  await one.hears('before');
  const renewed = await one.session.renew();
  assert.equal(renewed.remoteId, member);
  assert.equal(renewed.localId, name);
  const details = await renewed.details();
  assert.match(details.version, /1\.3/);
  await one.hears('after');
  await one.says('answer');
  // The certificate is the session's now.
  const kind = 'peerSubject';
  assert.ok((await program.info({ ctlkey: one.session.ctlkey, kind })).length > 0);
  const [open] = JSON.parse(await pool.command('sessions', 'list', '--json')).sessions;
  assert.equal(open.remoteId, member);
  // And once more.
  assert.equal((await one.session.renew()).remoteId, member);
  await one.hears('again');
});

test('who is not trusted loses the session, and hears why; the program is told', async () => {
  await using one = await met(['-enable_pha', ...asClient(stranger)]);
  await one.hears('before');
  const ended = once(one.plain, 'end');
  await assert.rejects(one.session.renew(), {
    code: 'stirred-not-shaken',
    message: /not accepted/,
  });
  await within('the end of the session', ended);
  await one.other.ended;
  assert.match(one.other.stderr, /alert/);
});

test('rules are asked anew: whom they deny by now loses the session', async () => {
  await using one = await met(['-enable_pha', ...asClient(member)]);
  await one.hears('before');
  await pool.command('authz', 'deny', member, '--to', name, '--name', 'no-mary');
  try {
    const ended = once(one.plain, 'end');
    await assert.rejects(one.session.renew(), { code: 'EACCES', message: /no-mary/ });
    await within('the end of the session', ended);
    await one.other.ended;
    assert.match(one.other.stderr, /access denied/);
  } finally {
    await pool.command('authz', 'remove', 'no-mary');
  }
});

test('a client that has nothing to show stays if it may, and goes if it must not', async () => {
  await using one = await met(['-enable_pha']);
  const renewed = await one.session.renew({ flags: { requestRemoteId: true } });
  assert.equal(renewed.remoteId, '');
  await one.hears('still there');
  await assert.rejects(one.session.renew(), { code: 'stirred-not-shaken' });
  await one.other.ended;
  assert.match(one.other.stderr, /certificate required/);
});

test('keys are changed where nobody is to be asked', async () => {
  await using one = await met(['-enable_pha', '-msg']);
  const renewed = await one.session.renew({ flags: { ignoreRemoteId: true } });
  assert.equal(renewed.remoteId, '');
  await one.says('with new keys');
  assert.match(one.other.stdout, /KeyUpdate/);
  await one.hears('in both directions');
});

test('what cannot be renewed says so, and goes on', async () => {
  await using silent = await met([]);
  await assert.rejects(silent.session.renew(), {
    code: 'renogiate-not-interruptable',
    message: /cannot|did not say/,
  });
  await silent.hears('still there');
  // Not on the connection that it is attached to.
  await using other = Object.assign(await connect({ socket: pool.socket }), {
    [Symbol.asyncDispose]: async () => {},
  });
  await assert.rejects(other.renew(silent.session, {}), { code: 'renogiate-not-found' });
  other.close();
});

test('a client that does not answer in time loses the session', async () => {
  await using one = await met(['-enable_pha', ...asClient(member)]);
  await one.hears('before');
  const { pid } = one.other;
  process.kill(pid, 'SIGSTOP');
  try {
    await assert.rejects(one.session.renew({ timeout: 200 }), { code: 'ETIMEDOUT' });
  } finally {
    process.kill(pid, 'SIGCONT');
  }
});
