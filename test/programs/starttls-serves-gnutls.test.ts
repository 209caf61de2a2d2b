import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { name } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { Running, run } from './stage/running.ts';
import type { ScriptedServer } from './stage/scripted-server.ts';
import { type Tunnels, tunnelledPrograms } from './stage/starttls-programs.ts';

const stage = new AsyncDisposableStack();
let pool: Pool;
let servers: ReadonlyMap<string, ScriptedServer>;
let tunnels: Tunnels;
before(async () => {
  pool = stage.use(await Pool.serving([[name], [name, '--key', 'rsa-2048']]));
  ({ servers, tunnels } = await tunnelledPrograms(pool, stage));
});
after(() => stage.disposeAsync());

/** Our protocols by the names that GnuTLS has for them. */
const protocols = {
  smtp: 'smtp',
  lmtp: 'lmtp',
  imap: 'imap',
  pop3: 'pop3',
  nntp: 'nntp',
  ftp: 'ftp',
  xmpp: 'xmpp',
  ldap: 'ldap',
  postgres: 'postgres',
  managesieve: 'sieve',
} as const;

for (const [protocol, theirs] of Object.entries(protocols)) {
  test(`gnutls-cli --starttls-proto ${theirs}`, async () => {
    const where = ['--port', `${tunnels.port(protocol)}`, '127.0.0.1'];
    const verify = ['--x509cafile', pool.caFile, '--verify-hostname', name];
    await using client = new Running(
      'gnutls-cli',
      ['--starttls-proto', theirs, ...verify, ...where],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    await client.printing(/- Status: The certificate is trusted\./);
    client.child.stdin?.write('WHO\r\n');
    await client.printing(/PLAIN PROGRAM/);
    assert.equal(servers.get(protocol)?.heard.at(-1), 'WHO');
  });
}

/** It connects some forty times. */
for (const [protocol, theirs] of Object.entries(protocols)) {
  test(`gnutls-cli-debug finds TLS 1.3 and 1.2 behind ${protocol}, and nothing older`, async () => {
    const args = ['--starttls-proto', theirs, '--port', `${tunnels.port(protocol)}`];
    const { stdout, stderr } = await run('gnutls-cli-debug', [...args, '127.0.0.1']);
    const found = (what: string) => new RegExp(`${what}\\.\\.\\. (.*)`).exec(stdout)?.[1];
    assert.equal(found('for TLS 1\\.3 \\(RFC8446\\) support'), 'yes', stdout + stderr);
    assert.equal(found('for TLS 1\\.2 \\(RFC5246\\) support'), 'yes');
    assert.equal(found('for TLS 1\\.1 \\(RFC4346\\) support'), 'no');
    assert.equal(found('for TLS 1\\.0 \\(RFC2246\\) support'), 'no');
    assert.match(found('for safe renegotiation \\(RFC5746\\) support') ?? '', /^yes/);
  });
}
