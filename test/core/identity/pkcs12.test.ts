import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openPkcs12 } from '../../../src/core/identity/pkcs12.ts';
import { patience } from '../../patience.ts';

const folder = mkdtempSync(join(tmpdir(), 'tlspool-pkcs12-'));
after(() => rmSync(folder, { recursive: true }));

const openssl = (...args: string[]): Buffer =>
  execFileSync('openssl', args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: patience,
  });

type Kind = 'ec' | 'rsa' | 'ed25519';
const newKey: Record<Kind, string[]> = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['-newkey', 'rsa:2048'],
  ed25519: ['-newkey', 'ed25519'],
};

/** A root, and a leaf that it signed: NAME.key and NAME.crt. */
function makeChain(kind: Kind): void {
  const common = ['req', '-x509', '-nodes', '-days', '9', ...newKey[kind]];
  openssl(
    ...common,
    '-subj',
    `/CN=${kind} root`,
    '-keyout',
    `${kind}-root.key`,
    '-out',
    `${kind}-root.crt`,
  );
  const issuer = ['-CA', `${kind}-root.crt`, '-CAkey', `${kind}-root.key`];
  const name = ['-subj', '/CN=leaf', '-addext', 'subjectAltName=DNS:www.example.com'];
  openssl(...common, ...issuer, ...name, '-keyout', `${kind}.key`, '-out', `${kind}.crt`);
}

function exportFile(kind: Kind, ...options: string[]): Buffer {
  const output = ['-inkey', `${kind}.key`, '-in', `${kind}.crt`, '-out', 'file.p12'];
  openssl('pkcs12', '-export', ...output, '-passout', 'pass:secret', ...options);
  return readFileSync(join(folder, 'file.p12'));
}

const der = (name: string): Buffer =>
  Buffer.from(new X509Certificate(readFileSync(join(folder, name))).raw);
const pkcs8 = (name: string): Buffer =>
  createPrivateKey(readFileSync(join(folder, name))).export({ format: 'der', type: 'pkcs8' });

for (const kind of ['ec', 'rsa', 'ed25519'] as const) {
  test(`an ${kind} key comes out with its certificate, byte for byte`, () => {
    makeChain(kind);
    const { chain, privateKey } = openPkcs12(exportFile(kind), 'secret');
    assert.deepEqual(chain, [der(`${kind}.crt`)]);
    const read = createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' });
    assert.deepEqual(read.export({ format: 'der', type: 'pkcs8' }), pkcs8(`${kind}.key`));
  });
}

test('a root in the file stays out of the chain', () => {
  const { chain } = openPkcs12(exportFile('ec', '-certfile', 'ec-root.crt'), 'secret');
  assert.deepEqual(chain, [der('ec.crt')]);
});

test('a certificate that signed itself is a chain', () => {
  openssl(
    'pkcs12',
    '-export',
    '-inkey',
    'ec-root.key',
    '-in',
    'ec-root.crt',
    '-out',
    'file.p12',
    '-passout',
    'pass:',
  );
  const { chain } = openPkcs12(readFileSync(join(folder, 'file.p12')), '');
  assert.deepEqual(chain, [der('ec-root.crt')]);
});

test('files in the way of older programs open too', () => {
  const old = ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1'];
  const { chain } = openPkcs12(exportFile('rsa', ...old), 'secret');
  assert.deepEqual(chain, [der('rsa.crt')]);
});

test('a wrong passphrase is told apart from a broken file', () => {
  const file = exportFile('ec');
  assert.throws(() => openPkcs12(file, 'wrong'), { code: 'wrong-passphrase' });
  assert.throws(() => openPkcs12(file, ''), { code: 'wrong-passphrase' });
  assert.throws(() => openPkcs12(Buffer.from('garbage'), 'secret'), { code: 'bad-pkcs12' });
  assert.throws(() => openPkcs12(file.subarray(0, 200), 'secret'), { code: 'bad-pkcs12' });
  assert.throws(() => openPkcs12(Buffer.alloc(0), 'secret'), { code: 'bad-pkcs12' });
});

test('a file without a key is refused', () => {
  openssl(
    'pkcs12',
    '-export',
    '-nokeys',
    '-in',
    'ec.crt',
    '-out',
    'file.p12',
    '-passout',
    'pass:secret',
  );
  const file = readFileSync(join(folder, 'file.p12'));
  assert.throws(() => openPkcs12(file, 'secret'), {
    code: 'bad-pkcs12',
    message: /no private key/,
  });
});

test('a file without the certificate of its key is refused', () => {
  openssl(
    'pkcs12',
    '-export',
    '-inkey',
    'ec.key',
    '-nocerts',
    '-out',
    'file.p12',
    '-passout',
    'pass:secret',
  );
  const file = readFileSync(join(folder, 'file.p12'));
  assert.throws(() => openPkcs12(file, 'secret'), { code: 'bad-pkcs12', message: /none of its/ });
});

test('the message never holds the passphrase', () => {
  const file = exportFile('ec');
  assert.throws(
    () => openPkcs12(file, 'hunter2-hunter2'),
    (error: Error) => !`${error.message}${error.stack}${error.cause}`.includes('hunter2-hunter2'),
  );
});
