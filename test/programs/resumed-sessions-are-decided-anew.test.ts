import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { Pool } from './stage/pool.ts';
import { run } from './stage/running.ts';
import { wrapped } from './stage/wrapped.ts';

const name = 'lists.example.org';
const member = 'mary@example.com';

/** A key, and a certificate for the member's address from a CA that the pool trusts for such. */
async function memberCredential(pool: Pool): Promise<{ key: Buffer; cert: Buffer }> {
  const at = (file: string) => join(pool.folder, file);
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  writeFileSync(at('ext'), `subjectAltName=email:${member}\nextendedKeyUsage=clientAuth\n`);
  for (const args of [
    ['req', '-x509', ...ec, '-subj', '/CN=members', '-keyout', at('cakey'), '-out', at('mca')],
    ['req', '-new', ...ec, '-subj', '/CN=mary', '-keyout', at('key'), '-out', at('csr')],
    [
      ...['x509', '-req', '-in', at('csr'), '-CA', at('mca'), '-CAkey', at('cakey')],
      ...['-CAcreateserial', '-extfile', at('ext'), '-out', at('cert')],
    ],
  ]) {
    const { code, stderr } = await run('openssl', args);
    assert.equal(code, 0, stderr);
  }
  await pool.command('trust', 'add', at('mca'), '--role', 'client', '--for', '@example.com');
  return { key: readFileSync(at('key')), cert: readFileSync(at('cert')) };
}

interface Visit {
  /** What the program said; '' if it did not get to. */
  readonly said: string;
  readonly resumed: boolean;
  readonly ticket: Buffer | undefined;
}

async function visit(options: ConnectionOptions): Promise<Visit> {
  const socket: TLSSocket = connect({ host: '127.0.0.1', servername: name, ...options });
  let [said, resumed] = ['', false];
  let ticket: Buffer | undefined;
  socket.on('session', (session) => {
    ticket = session;
  });
  socket.on('secureConnect', () => {
    resumed = socket.isSessionReused();
  });
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  // A refusal is an error of the connection: what was said tells.
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.on('close', resolve));
  return { said, resumed, ticket };
}

test('whoever resumes a session has to be allowed still', async () => {
  await using pool = await Pool.serving([[name]]);
  const credential = await memberCredential(pool);
  await pool.command('authz', 'group', 'create', 'list-members', member);
  await pool.command('authz', 'allow', 'group:list-members', '--to', name);
  await using served = await wrapped(pool, ['--inetd'], ['sh', '-c', 'echo "<$TLS_REMOTE_ID>"']);
  const options = { ...credential, port: served.port, ca: readFileSync(pool.caFile) };

  const first = await visit(options);
  assert.equal(first.said, `<${member}>\n`);
  assert.ok(first.ticket);
  const again = await visit({ ...options, session: first.ticket });
  assert.deepEqual([again.said, again.resumed], [`<${member}>\n`, true]);

  await pool.command('authz', 'group', 'remove', 'list-members', member);
  const late = await visit({ ...options, session: again.ticket ?? first.ticket });
  assert.deepEqual([late.said, late.resumed], ['', true]);
  await pool.daemon.saying(/"reason":"no-rule",.*"remote":"mary@example\.com",.*"msg":"denied"/);
});
