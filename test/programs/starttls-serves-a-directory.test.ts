import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { name } from './stage/clients.ts';
import { OwnNames } from './stage/own-names.ts';
import { Pool } from './stage/pool.ts';
import { freePort } from './stage/ports.ts';
import { run } from './stage/running.ts';
import { Slapd } from './stage/slapd.ts';
import { type Served, tunnelled } from './stage/wrapped.ts';

/** Its client verifies the name that it connects to, which has to lead here: OpenLDAP's takes `localhost` for something else. */
const skip = process.getuid?.() === 0 ? false : 'needs root: names of its own';
const stage = new AsyncDisposableStack();
let pool: Pool;
let server: Served;
let names: OwnNames;
before(async () => {
  if (skip) return;
  pool = stage.use(await Pool.serving([[name]]));
  names = stage.use(await OwnNames.start([], [`127.0.0.1 ${name}`]));
  const port = await freePort();
  stage.use(await Slapd.start(pool.folder, port, { members: ['mary'] }));
  const there = ['--connect', `127.0.0.1:${port}`];
  server = stage.use(await tunnelled(pool, '--starttls', 'ldap', ...there));
});
after(() => stage.disposeAsync());

/** Bound as nobody. @param flags of ldapsearch(1) */
function search(port: number, ...flags: readonly string[]) {
  const where = ['-H', `ldap://${name}:${port}`, '-x', '-LLL', '-b', 'dc=example,dc=com'];
  const tls = { LDAPTLS_CACERT: pool.caFile, LDAPTLS_REQCERT: 'hard' };
  const env = { ...process.env, ...tls };
  const command = ['ldapsearch', ...flags, ...where, '(uid=mary)', 'mail'];
  const [file = '', ...args] = names.seenBy(command);
  return run(file, args, { env });
}

const mary = 'dn: uid=mary,dc=example,dc=com\nmail: mary@example.com\n\n';

test('ldapsearch -ZZ searches a directory that knows nothing of TLS', { skip }, async () => {
  const { stdout, stderr } = await search(server.port, '-ZZ');
  assert.equal(stdout, mary, stderr + server.running.stderr);
});

test('without TLS it is told that confidentiality is required', { skip }, async () => {
  const { code, stdout, stderr } = await search(server.port);
  assert.equal(code, 13);
  assert.equal(stdout, '');
  assert.match(stderr, /Confidentiality required \(13\)/);
});

test('without TLS of its own it searches through a tunnel that asks for TLS', {
  skip,
}, async () => {
  const there = ['--connect', `127.0.0.1:${server.port}`, '--remote-id', name];
  await using client = await tunnelled(pool, '--client', '--starttls', 'ldap', ...there);
  const { stdout, stderr } = await search(client.port);
  assert.equal(stdout, mary, stderr + client.running.stderr);
});
