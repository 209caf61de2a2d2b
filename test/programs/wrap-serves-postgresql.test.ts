import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { name } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { freePort } from './stage/ports.ts';
import { initialise, postgresProgram, settings } from './stage/postgresql.ts';
import { run } from './stage/running.ts';
import { type Served, wrappedWhole } from './stage/wrapped.ts';

const skip = process.getuid?.() === 0 ? false : 'it takes root to become another user';

const stage = new AsyncDisposableStack();
let pool: Pool;
let postgres: Served;

before(async () => {
  if (skip) return;
  pool = stage.use(await Pool.serving([[name]]));
  await pool.command('authz', 'allow-program', '--user', 'postgres', '--as', name);
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-postgresql-'));
  stage.defer(() => rmSync(folder, { recursive: true, force: true }));
  const port = `${await freePort()}`;
  const options = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    fsync: 'off',
  };
  const data = initialise(folder, 'host all all 127.0.0.1/32 trust\n');
  const command = [postgresProgram('postgres'), '-D', data, ...settings(options)];
  const flags = ['--user', 'postgres', '--starttls', `${port}=postgres`];
  postgres = stage.use(await wrappedWhole(pool, flags, command));
});
after(() => stage.disposeAsync());

function psql(question: string, connection: Readonly<Record<string, string>>) {
  const there = { host: name, hostaddr: '127.0.0.1', port: `${postgres.port}`, ...connection };
  const words = Object.entries({ user: 'postgres', dbname: 'postgres', ...there });
  const text = words.map(([word, value]) => `${word}=${value}`).join(' ');
  return run('psql', ['-Atc', question, text]);
}

test('psql verifies the server fully, which knows nothing of TLS', { skip }, async () => {
  const verified = { sslmode: 'verify-full', sslrootcert: pool.caFile };
  const question = `select current_setting('ssl'), inet_client_addr(), sum(i) from generate_series(1, 300000) i`;
  const { stdout, stderr } = await psql(question, verified);
  assert.equal(stdout, 'off|127.0.0.1|45000150000\n', stderr + postgres.running.stderr);
  const wrong = await psql('select 1', { ...verified, host: 'wrong.example.com' });
  assert.match(wrong.stderr, /does not match host name "wrong\.example\.com"/);
});

test('without TLS nobody gets in', { skip }, async () => {
  const { code, stdout } = await psql('select 1', { sslmode: 'disable', gssencmode: 'disable' });
  assert.equal(code, 2);
  assert.equal(stdout, '');
});

test('it ends as its program does, when asked to', { skip }, async () => {
  assert.equal(await postgres.stop(), 0, postgres.running.stderr);
});
