import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { name } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { run } from './stage/running.ts';
import type { ScriptedServer } from './stage/scripted-server.ts';
import { programs, Tunnels, tunnelledPrograms } from './stage/starttls-programs.ts';

const stage = new AsyncDisposableStack();
let pool: Pool;
let servers: ReadonlyMap<string, ScriptedServer>;
let tunnels: Tunnels;
before(async () => {
  pool = stage.use(await Pool.serving([[name]]));
  ({ servers, tunnels } = await tunnelledPrograms(pool, stage));
});
after(() => stage.disposeAsync());

/** How OpenSSL calls it, where that differs. */
const opensslNames: Readonly<Record<string, string>> = { managesieve: 'sieve' };

/** Those that `openssl s_client -starttls` knows; a proxy is another flag. */
const withOpenssl = Object.keys(programs).filter((protocol) => protocol !== 'http-connect');

function openssl(...flags: readonly string[]) {
  const args = ['s_client', ...flags, '-xmpphost', name, '-name', 'client.example.com'];
  const verify = ['-CAfile', pool.caFile, '-verify_return_error', '-verify_hostname', name];
  return run('openssl', [...args, ...verify, '-crlf', '-ign_eof', '-servername', name], {
    input: 'WHO\n',
  });
}

for (const protocol of withOpenssl) {
  test(`openssl s_client -starttls ${opensslNames[protocol] ?? protocol}`, async () => {
    const there = ['-connect', `127.0.0.1:${tunnels.port(protocol)}`];
    const starttls = ['-starttls', opensslNames[protocol] ?? protocol];
    const { code, stdout, stderr } = await openssl(...there, ...starttls);
    assert.match(stdout, /Verify return code: 0 \(ok\)/, stdout + stderr);
    assert.match(stdout, /PLAIN PROGRAM\r\n/);
    assert.equal(code, 0);
    const heard = servers.get(protocol)?.heard ?? [];
    assert.equal(heard.at(-1), 'WHO');
    assert.deepEqual(
      heard.filter((line) => /client\.example|STARTTLS|STLS/.test(line)),
      [],
    );
  });
}

test('openssl s_client -proxy, with CONNECT', async () => {
  const proxy = ['-proxy', `127.0.0.1:${tunnels.port('http-connect')}`];
  const { stdout } = await openssl(...proxy, '-connect', `${name}:443`);
  assert.match(stdout, /Verify return code: 0 \(ok\)[\s\S]*PLAIN PROGRAM\r\n/);
});

test('plain clients reach plain servers through two tunnels, with STARTTLS between these', async (t) => {
  await using parts = new AsyncDisposableStack();
  const sections = Object.keys(programs).map((protocol) => {
    const starttls = protocol === 'http-connect' ? `${protocol}=${name}:443` : protocol;
    const there = `connect 127.0.0.1:${tunnels.port(protocol)}`;
    return [protocol, ['client yes', `remote_id ${name}`, there, `starttls ${starttls}`]] as const;
  });
  const clients = parts.use(await Tunnels.open(pool, 'clients.conf', Object.fromEntries(sections)));
  for (const protocol of Object.keys(programs)) {
    await t.test(protocol, async () => {
      const there = ['127.0.0.1', `${clients.port(protocol)}`];
      const { stdout } = await run('busybox', ['nc', ...there], { input: 'NOW WHO\r\n' });
      assert.match(stdout, /PLAIN PROGRAM\r\n/, clients.running.stderr);
      assert.equal(servers.get(protocol)?.heard.at(-1), 'NOW WHO');
    });
  }
});
