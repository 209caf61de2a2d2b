import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { connect as connectPool } from '../../src/client/index.ts';
import { socketPair } from '../../src/core/engine/sockets.ts';
import { event } from '../patience.ts';
import { attempt } from './stage/attempt.ts';
import { connected, curl, name, readAll } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { freePort } from './stage/ports.ts';
import { run, runTlspool } from './stage/running.ts';
import { wrapped } from './stage/wrapped.ts';

const john = 'john@example.com';
const mary = 'mary@example.com';
const tellRemote = ['sh', '-c', 'printf "HTTP/1.0 200 OK\\r\\n\\r\\n<$TLS_REMOTE_ID>"'];
const REVOKED = { code: 'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_REVOKED' };

test('a user makes a request, gets a certificate, is known by it, and is not once it is revoked', async () => {
  await using pool = await Pool.serving([[name]]);
  const file = (base: string) => join(pool.folder, base);
  const made = await run('openssl', [
    ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-subj', '/CN=admin@example.com', '-addext', 'subjectAltName=email:admin@example.com'],
    ...['-keyout', file('john.key'), '-out', file('john.csr')],
  ]);
  assert.equal(made.code, 0, made.stderr);
  await using served = await wrapped(pool, ['--inetd', '--require-remote-id'], tellRemote);
  for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
    // Whoever lost one gets another by signing anew.
    await pool.command('ca', 'sign', file('john.csr'), '--as', john, '--out', file('john.pem'));
    const asJohn = {
      key: readFileSync(file('john.key')),
      cert: readFileSync(file('john.pem')),
      maxVersion: version,
    };

    const first = await connected(pool, served.port, asJohn);
    const ticket = sessionOf(first, version);
    assert.match(await readAll(first), /<john@example\.com>/);
    first.destroy();
    const session = await ticket;

    const resumed = await connected(pool, served.port, { ...asJohn, session });
    assert.ok(resumed.isSessionReused(), 'the session is resumed as long as nothing is revoked');
    assert.match(await readAll(resumed), /<john@example\.com>/);
    resumed.destroy();

    assert.match(await pool.command('ca', 'revoke', john), /Revoked: john@example\.com/);
    for (const again of [asJohn, { ...asJohn, session }]) {
      await assert.rejects(heard(pool, served.port, again), REVOKED, version);
    }
  }
  const listed = JSON.parse(await pool.command('ca', 'list', '--revoked', '--json'));
  assert.deepEqual(
    listed.issued.map(({ id, state }: { id: string; state: string }) => [id, state]),
    [
      [john, 'revoked'],
      [john, 'revoked'],
    ],
  );
});

test('curl shows a PKCS #12 file, until it is revoked by its serial number', async () => {
  await using pool = await Pool.serving([[name]]);
  const p12 = join(pool.folder, 'mary.p12');
  const { serial, passphraseFile } = JSON.parse(
    await pool.command('ca', 'issue', mary, '--p12', p12, '--unsafe-key-outside-token', '--json'),
  );
  const passphrase = readFileSync(passphraseFile, 'utf8').trim();
  await using served = await wrapped(pool, ['--inetd', '--require-remote-id'], tellRemote);
  const shown = ['--cert-type', 'P12', '--cert', `${p12}:${passphrase}`];
  const known = await curl(pool, served.port, '/', ...shown);
  assert.equal(known.stdout, `<${mary}>`, known.stderr);
  await pool.command('ca', 'revoke', serial);
  const refused = await curl(pool, served.port, '/', ...shown);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /certificate revoked/);
});

test('revoking ends open sessions where that is asked for, and no others', async () => {
  await endsOnly(() => ['ca', 'revoke', john]);
});

test('distrusting ends the open sessions in which it was shown, and no others', async () => {
  await endsOnly(({ serial }) => ['trust', 'distrust', serial]);
});

/** Ends John's session, not Mary's. @param taking the command that takes John's certificate back */
async function endsOnly(taking: (johns: { readonly serial: string }) => string[]): Promise<void> {
  await using pool = await Pool.serving([[name]]);
  const server = ['--inetd', '--require-remote-id'];
  await using served = await wrapped(pool, server, ['sh', '-c', 'echo hello; exec cat']);
  const open = async (id: string): Promise<{ socket: TLSSocket; serial: string }> => {
    const p12 = join(pool.folder, `${id}.p12`);
    const { serial, passphraseFile } = JSON.parse(
      await pool.command('ca', 'issue', id, '--p12', p12, '--unsafe-key-outside-token', '--json'),
    );
    const passphrase = readFileSync(passphraseFile, 'utf8').trim();
    const socket = await connected(pool, served.port, { pfx: readFileSync(p12), passphrase });
    await event(socket, 'data');
    return { socket, serial };
  };
  const [johns, { socket: marys }] = [await open(john), await open(mary)];
  const { socket } = johns;
  const ended = assert.rejects(event(socket, 'end'), { code: 'ECONNRESET' });
  const told = JSON.parse(await pool.command(...taking(johns), '--apply-to-open', '--json'));
  assert.equal(told.sessions, 1);
  socket.resume();
  await ended;
  marys.write('still here\n');
  const [answer] = await event(marys, 'data');
  assert.equal(String(answer), 'still here\n');
  socket.destroy();
  marys.destroy();
}

test('revoking a wildcard ends the sessions with its hosts', async () => {
  await using pool = await Pool.serving([[name], ['.wild.example']]);
  const program = await connectPool({ socket: pool.socket });
  try {
    const opened = async (host: string) => {
      const [fd, theirs] = socketPair();
      const [client, server] = await Promise.all([
        attempt(program, { fd, role: 'client', remoteId: host }),
        attempt(program, {
          fd: theirs,
          role: 'server',
          localId: host,
          flags: { ignoreRemoteId: true },
        }),
      ]);
      assert.ok('session' in client && 'session' in server);
      return [client.plain, server.plain];
    };
    const plain = [...(await opened('www.wild.example')), ...(await opened(name))];
    const revoke = ['ca', 'revoke', '.wild.example', '--apply-to-open', '--json'];
    assert.equal(JSON.parse(await pool.command(...revoke)).sessions, 1);
    for (const socket of plain) socket.destroy();
  } finally {
    program.close();
  }
});

test('whoever mistypes what to revoke is told what is near, and nothing is revoked', async () => {
  await using pool = await Pool.create([['john@example.com', '--role', 'client']]);
  const revoke = (what: string) => runTlspool(['ca', 'revoke', what], { env: pool.environment });
  const slip = await revoke('jhon@example.com');
  assert.equal(slip.code, 1);
  assert.match(
    slip.stderr,
    /has signed nothing for jhon@example\.com\nDid you mean john@example\.com\?/,
  );
  const short = await revoke('12ab');
  assert.match(short.stderr, /of a serial number say 8 digits at least/);
  assert.doesNotMatch(await pool.command('ca', 'list'), /revoked/);
});

test('where no daemon answers, revoking says that it ended nothing', async () => {
  await using pool = await Pool.serving([[name]]);
  const elsewhere = ['--apply-to-open', '--socket', join(pool.folder, 'nobody'), '--json'];
  assert.equal(JSON.parse(await pool.command('ca', 'revoke', name, ...elsewhere)).sessions, null);
});

test('others learn of it from the OCSP responder and the lists of a running pool', async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const config = `ca_listen 127.0.0.1:${port}\nca_url ${url}\n`;
  await using pool = await Pool.serving([[name]], config);
  const file = (base: string) => join(pool.folder, base);
  await run('openssl', [
    ...['req', '-new', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=john'],
    ...['-keyout', file('john.key'), '-out', file('john.csr')],
  ]);
  await pool.command('ca', 'sign', file('john.csr'), '--as', john, '--out', file('john.pem'));
  await pool.command('ca', 'export', '--kind', 'rsa', '--out', file('rsa.pem'));
  const ask = () =>
    run('openssl', [
      ...['ocsp', '-issuer', file('rsa.pem'), '-cert', file('john.pem'), '-url', url],
      ...['-CAfile', file('rsa.pem')],
    ]);
  const good = await ask();
  assert.match(good.stderr, /Response verify OK/);
  assert.match(good.stdout, /john\.pem: good/);
  await pool.command('ca', 'revoke', john);
  assert.match((await ask()).stdout, /john\.pem: revoked/);

  const fetched = await fetch(`${url}/rsa.crl`);
  const list: Buffer = Buffer.from(await fetched.arrayBuffer());
  const read = await run(
    'openssl',
    ['crl', '-inform', 'DER', '-CAfile', file('rsa.pem'), '-text'],
    {
      input: list,
    },
  );
  assert.match(read.stderr, /verify OK/);
  assert.match(read.stdout, /Serial Number/);
  const nothing = await fetch(`${url}/elsewhere.html`);
  assert.equal(nothing.status, 404);
});

/** What the server says; in TLS 1.3 a client learns only then that it is refused. */
async function heard(pool: Pool, port: number, options: ConnectionOptions): Promise<string> {
  const socket = await connected(pool, port, options);
  try {
    return await readAll(socket);
  } finally {
    socket.destroy();
  }
}

/** For resuming it: before TLS 1.3 the ticket is part of the handshake. */
async function sessionOf(socket: TLSSocket, version: 'TLSv1.2' | 'TLSv1.3'): Promise<Buffer> {
  if (version === 'TLSv1.2') return socket.getSession() ?? assert.fail('there is no session');
  const [session] = await event(socket, 'session');
  return session as Buffer;
}
