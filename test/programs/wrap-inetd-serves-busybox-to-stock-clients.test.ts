import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { curl, name, openssl } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { run } from './stage/running.ts';
import { wrapped } from './stage/wrapped.ts';

const page = '<h1>served in plaintext, read over TLS</h1>\n';
const keyTypes = ['ec-p256', 'rsa-2048', 'ed25519'] as const;

for (const keyType of keyTypes) {
  test(`busybox httpd -i behind an ${keyType} identity`, async (t) => {
    await using pool = await Pool.serving([[name, '--key', keyType]]);
    mkdirSync(join(pool.folder, 'www'));
    writeFileSync(join(pool.folder, 'www', 'index.html'), page);
    const httpd = ['busybox', 'httpd', '-i', '-h', join(pool.folder, 'www')];
    await using served = await wrapped(pool, ['--inetd'], httpd);
    const { port } = served;

    for (const version of ['1.2', '1.3']) {
      await t.test(`curl fetches a page over TLS ${version}`, async () => {
        const { code, stdout, stderr } = await curl(
          pool,
          port,
          '/',
          `--tlsv${version}`,
          ...['--tls-max', version],
        );
        assert.equal(code, 0, stderr);
        assert.equal(stdout, page);
      });
    }

    for (const version of ['1_2', '1_3']) {
      await t.test(
        `openssl s_client verifies the chain and the name over TLS ${version}`,
        async () => {
          const request = 'GET / HTTP/1.0\r\n\r\n';
          const { code, stdout, stderr } = await openssl(pool, port, request, `-tls${version}`);
          assert.equal(code, 0, stderr);
          assert.ok(stdout.endsWith(page), stdout);
          assert.match(stderr, /verify return:1/);
        },
      );
    }

    for (const version of ['1.2', '1.3']) {
      await t.test(`gnutls-cli verifies the chain and the name over TLS ${version}`, async () => {
        const verify = ['--x509cafile', pool.caFile, '--sni-hostname', name];
        const only = ['--priority', `NORMAL:-VERS-ALL:+VERS-TLS${version}`];
        const { code, stdout } = await run(
          'gnutls-cli',
          [...verify, ...only, '--verify-hostname', name, '--port', String(port), '127.0.0.1'],
          { input: 'GET / HTTP/1.0\r\n\r\n' },
        );
        assert.equal(code, 0, stdout);
        assert.match(stdout, /The certificate is trusted/);
        assert.ok(stdout.includes(page), stdout);
      });
    }
  });
}
