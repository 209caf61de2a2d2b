import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { name } from './stage/clients.ts';
import { PlainServer } from './stage/plain-server.ts';
import { Pool } from './stage/pool.ts';
import { run } from './stage/running.ts';
import { type Served, tunnelled } from './stage/wrapped.ts';

const stage = new AsyncDisposableStack();
let pool: Pool;
let served: Served;
before(async () => {
  const rsa = [name, '--key', 'rsa-2048', '--renew'];
  pool = stage.use(await Pool.serving([[name, '--key', 'ec-p256'], rsa]));
  const site = stage.use(
    await PlainServer.start((socket) => socket.once('data', () => socket.end(page))),
  );
  served = stage.use(await tunnelled(pool, '--connect', site.address));
});
after(() => stage.disposeAsync());

const page =
  'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';

interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

test('testssl.sh: protocols, ciphers, forward secrecy and vulnerabilities', {
  timeout: 900_000,
}, async () => {
  const report = join(pool.folder, 'testssl.json');
  const sections = ['--protocols', '--standard', '--fs', '--vulnerable'];
  const quietly = ['--quiet', '--color', '0', '--warnings', 'off', '--nodns', 'none'];
  const target = ['--ip', '127.0.0.1', '--add-ca', pool.caFile, `${name}:${served.port}`];
  const args = [...quietly, ...sections, '--jsonfile', report, ...target];
  const { stdout } = await run('testssl', args, { timeout: 850_000 });
  const findings = JSON.parse(readFileSync(report, 'utf8')) as readonly Finding[];

  const harmless = new Set(['OK', 'INFO', 'WARN']);
  assert.deepEqual(
    findings.filter(({ severity }) => !harmless.has(severity)),
    [],
  );
  // It did look, and at TLS: with a server that it cannot talk to it finds nothing either.
  const verdict = new Map(findings.map(({ id, finding }) => [id, finding]));
  for (const old of ['SSLv2', 'SSLv3', 'TLS1', 'TLS1_1']) {
    assert.match(verdict.get(old) ?? '', /not offered/, `${old}\n${stdout}`);
  }
  for (const offered of ['TLS1_2', 'TLS1_3', 'cipherlist_STRONG']) {
    assert.match(verdict.get(offered) ?? '', /^offered/, `${offered}\n${stdout}`);
  }
  for (const attack of [
    'heartbleed',
    'CCS',
    'ticketbleed',
    'ROBOT',
    'secure_client_renego',
    'SWEET32',
    'DROWN',
    'LUCKY13',
  ]) {
    assert.match(verdict.get(attack) ?? '', /not vulnerable/, `${attack}\n${stdout}`);
  }
});

test('sslscan: two protocols, and ciphers with forward secrecy and AEAD only', async () => {
  const { stdout } = await run('sslscan', [
    '--no-colour',
    `--sni-name=${name}`,
    `127.0.0.1:${served.port}`,
  ]);
  const protocols = [...stdout.matchAll(/^((?:SSL|TLS)v[\d.]+) +(enabled|disabled)/gm)];
  assert.deepEqual(
    protocols.filter(([, , state]) => state === 'enabled').map(([, protocol]) => protocol),
    ['TLSv1.2', 'TLSv1.3'],
  );
  const ciphers = [...stdout.matchAll(/^(?:Preferred|Accepted) +\S+ +(\d+) bits +(\S+)/gm)];
  assert.equal(ciphers.length, 9, stdout);
  for (const [, bits, cipher = ''] of ciphers) {
    assert.ok(Number(bits) >= 128);
    assert.match(cipher, /^(?:TLS_|ECDHE-).*(?:GCM|CHACHA20)/);
  }
  assert.match(stdout, /Session renegotiation not supported/);
  for (const version of ['TLSv1.3', 'TLSv1.2']) {
    assert.ok(stdout.includes(`${version} not vulnerable to heartbleed`), stdout);
  }
});

test('gnutls-cli-debug: what is old is gone, what protects is there', async () => {
  const { stdout } = await run('gnutls-cli-debug', ['-p', String(served.port), '127.0.0.1']);
  const answer = (question: RegExp) => {
    const line = stdout.split('\n').find((each) => question.test(each)) ?? assert.fail(stdout);
    return /\.\.\. (.*)$/.exec(line)?.[1];
  };
  for (const gone of [
    /TLS 1\.0 \(RFC2246\) support\.\.\./,
    /TLS 1\.1 \(RFC4346\) support/,
    /anonymous authentication/,
    /RSA key exchange/,
    /ephemeral Diffie-Hellman/,
    /AES-CBC/,
    /3DES-CBC/,
    /ARCFOUR/,
    /MD5 MAC/,
    /SHA1 MAC/,
    /heartbeat/,
    /need to disable TLS 1\.2/,
    /%NO_EXTENSIONS is required/,
  ]) {
    assert.equal(answer(gone), 'no', `${gone}\n${stdout}`);
  }
  for (const there of [
    /TLS 1\.2 \(RFC5246\)/,
    /TLS 1\.3 \(RFC8446\)/,
    /safe renegotiation/,
    /ext master secret/,
    /ephemeral EC Diffie-Hellman/,
    /AES-GCM/,
    /CHACHA20-POLY1305/,
    /session resumption/,
  ]) {
    assert.equal(answer(there), 'yes', `${there}\n${stdout}`);
  }
});
