import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MariaDb } from './stage/mariadb.ts';
import { Pool } from './stage/pool.ts';
import { run } from './stage/running.ts';
import { type Served, tunnelled } from './stage/wrapped.ts';

const name = 'localhost';
const users = { native: 'mysql_native_password', edwards: 'ed25519' } as const;
const stage = new AsyncDisposableStack();
let pool: Pool;
let database: MariaDb;
let server: Served;
before(async () => {
  pool = stage.use(await Pool.serving([[name]]));
  database = stage.use(await MariaDb.start(users));
  await pool.command('trust', 'add', database.caFile, '--role', 'server');
  const there = ['--connect', `127.0.0.1:${database.port}`];
  server = stage.use(await tunnelled(pool, '--starttls', 'mysql', ...there));
});
after(() => stage.disposeAsync());

/** More than fits in a read, and then what shows whether the server sees TLS. */
const sql = `SELECT LENGTH(REPEAT('x', 3000000)); SELECT REPEAT('y', 70000) AS many; SHOW STATUS LIKE 'Ssl_cipher'`;

function mariadb(user: string, port: number, ...flags: readonly string[]) {
  const where = ['--protocol=tcp', '--host=localhost', `--port=${port}`];
  const log = [`--user=${user}`, `--password=${MariaDb.password}`];
  const args = ['--no-defaults', ...where, ...log, ...flags, '--batch', '-N', '-e', sql];
  return run('mariadb', args);
}

for (const [user, plugin] of Object.entries(users)) {
  test(`the client of MariaDB logs in over our TLS by ${plugin}; the server knows nothing of TLS`, async () => {
    const tls = [`--ssl-ca=${pool.caFile}`, '--ssl-verify-server-cert'];
    const { stdout, stderr, code } = await mariadb(user, server.port, '--ssl', ...tls);
    assert.equal(code, 0, stderr + server.running.stderr);
    assert.equal(stdout, `3000000\n${'y'.repeat(70_000)}\nSsl_cipher\t\n`);
  });

  test(`without TLS it logs in by ${plugin} to a server of TLS, which our tunnel speaks with it`, async () => {
    const there = ['--connect', `127.0.0.1:${database.port}`, '--remote-id', name];
    await using client = await tunnelled(pool, '--client', '--starttls', 'mysql', ...there);
    const { stdout, stderr, code } = await mariadb(user, client.port, '--skip-ssl');
    assert.equal(code, 0, stderr + client.running.stderr);
    assert.match(stdout, /^3000000\ny{70000}\nSsl_cipher\tTLS_\w+\n$/);
  });
}

test('a client written in Python works alike', async () => {
  const script = `
import pymysql
for _ in range(3):
    db = pymysql.connect(host="localhost", port=${server.port}, user="native", password="${MariaDb.password}",
                         ssl={"ca": "${pool.caFile}", "check_hostname": True})
    with db.cursor() as cursor:
        cursor.execute("SELECT LENGTH(%s)", ("z" * 200000,))
        print(cursor.fetchone()[0])
    db.close()`;
  const { stdout, stderr } = await run('/usr/bin/python3', ['-c', script]);
  assert.equal(stdout, '200000\n'.repeat(3), stderr + server.running.stderr);
});

test('a wrong password is refused as the server does it', async () => {
  const where = ['--protocol=tcp', '--host=localhost', `--port=${server.port}`];
  const tls = ['--ssl', `--ssl-ca=${pool.caFile}`, '--ssl-verify-server-cert'];
  const log = ['--user=native', '--password=wrong'];
  const { code, stderr } = await run('mariadb', ['--no-defaults', ...where, ...tls, ...log]);
  assert.equal(code, 1);
  assert.match(stderr, /ERROR 1045 \(28000\): Access denied for user 'native'/);
});

test('who wants no TLS is refused, in words of MySQL', async () => {
  const { code, stderr } = await mariadb('native', server.port, '--skip-ssl');
  assert.equal(code, 1);
  assert.match(stderr, /ERROR 3159 \(HY000\): Connections without TLS are refused here/);
});

test('a client with another CA goes no further', async () => {
  const tls = ['--ssl', `--ssl-ca=${database.caFile}`, '--ssl-verify-server-cert'];
  const { code, stderr } = await mariadb('native', server.port, ...tls);
  assert.equal(code, 1);
  assert.match(stderr, /ERROR 2026 \(HY000\): TLS\/SSL error/);
});

test('openssl s_client -starttls mysql', async () => {
  const there = ['-connect', `127.0.0.1:${server.port}`, '-starttls', 'mysql'];
  const verify = ['-CAfile', pool.caFile, '-verify_return_error', '-verify_hostname', name];
  const { stdout, stderr } = await run('openssl', ['s_client', ...there, ...verify], { input: '' });
  assert.match(stdout, /Verify return code: 0 \(ok\)/, stderr);
});
