import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MySqlLogin } from './stage/mysql-login.ts';
import { Pool } from './stage/pool.ts';
import { run } from './stage/running.ts';
import { tunnelled } from './stage/wrapped.ts';

let pool: Pool;
before(async () => {
  pool = await Pool.serving([['localhost']]);
});
after(() => pool[Symbol.asyncDispose]());

const clients: Readonly<Record<string, (port: number) => readonly string[]>> = {
  'the client of MariaDB': (port) => [
    ...['mariadb', '--no-defaults', '--protocol=tcp', '--host=localhost', `--port=${port}`],
    ...['--user=mary', `--password=${MySqlLogin.password}`, '--batch', '-e', 'DO 1'],
    ...['--ssl', `--ssl-ca=${pool.caFile}`, '--ssl-verify-server-cert'],
  ],
  pymysql: (port) => [
    '/usr/bin/python3',
    '-c',
    `
import pymysql
db = pymysql.connect(host="localhost", port=${port}, user="mary", password="${MySqlLogin.password}",
                     ssl={"ca": "${pool.caFile}", "check_hostname": True})
db.cursor().execute("DO 1")
db.close()`,
  ],
};

async function logIn(client: (port: number) => readonly string[], cached: boolean) {
  await using server = await MySqlLogin.start(cached);
  const there = ['--starttls', 'mysql', '--connect', server.address];
  await using tunnel = await tunnelled(pool, ...there);
  const [file = '', ...args] = client(tunnel.port);
  return await run(file, args);
}

for (const [client, command] of Object.entries(clients)) {
  test(`${client} logs in by caching_sha2_password while the server has it in its cache`, async () => {
    const { code, stderr } = await logIn(command, true);
    assert.equal(code, 0, stderr);
  });

  test(`${client} is refused where the server wants the password itself, which sees no TLS`, async () => {
    const { code, stderr } = await logIn(command, false);
    assert.notEqual(code, 0);
    assert.match(stderr, /Access denied: the connection is not secure/);
    assert.ok(!stderr.includes(MySqlLogin.password));
  });
}
