import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Pool } from './stage/pool.ts';
import { freePort } from './stage/ports.ts';
import { Running, run, tlspoolCommand } from './stage/running.ts';

const name = 'localhost';
let pool: Pool;
before(async () => {
  pool = await Pool.serving([[name]]);
});
after(() => pool[Symbol.asyncDispose]());

/** Some kernels want CAP_NET_ADMIN even for socket filters. */
const lacks: Readonly<Record<string, readonly string[]>> = {
  'the capabilities that ordinary users have not': ['net_admin', 'net_raw', 'sys_admin'],
  'CAP_NET_ADMIN, but with CAP_SYS_ADMIN': ['net_admin', 'net_raw'],
};
const skip = process.getuid?.() === 0 ? false : 'nobody else has any';

for (const [what, without] of Object.entries(lacks)) {
  test(`server and clients are wrapped without ${what}`, { skip }, () => wraps(without));
}

async function wraps(without: readonly string[]): Promise<void> {
  const drop = without.map((capability) => `-${capability}`).join(',');
  const unprivileged = [`--bounding-set=${drop}`, `--inh-caps=${drop}`];
  const port = await freePort();
  const serve = ['/usr/bin/python3', '-m', 'http.server', `${port}`, '--directory', '/nonexistent'];
  const options = { env: pool.environment };
  const command = [...unprivileged, ...tlspoolCommand('wrap', '--', ...serve)];
  await using server = new Running('setpriv', command, options);
  await server.saying(/: TLS, serving as localhost/);
  // Two at once and one behind them: where connections wait is one place for all.
  const fetch = `curl -sS -m 60 -o /dev/null -w '%{http_code} ' http://localhost:${port}/`;
  const script = `${fetch} & ${fetch} & wait; ${fetch}`;
  const wrap = ['wrap', '--client-tls', `localhost:${port}`, '--', 'sh', '-c', script];
  const args = [...unprivileged, ...tlspoolCommand(...wrap)];
  const { code, stdout, stderr } = await run('setpriv', args, options);
  assert.equal(code, 0, stderr + server.stderr);
  assert.equal(stdout, '404 404 404 ');
}
