import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { readRequest } from '../../../src/core/authority/certificate-request.ts';
import { TlspoolError } from '../../../src/core/errors.ts';
import { patience } from '../../patience.ts';
import { commonName, ecdsaSha256 } from '../trust/forged-certificates.ts';
import { der, sequence } from '../trust/made-certificates.ts';

const folder = mkdtempSync(join(tmpdir(), 'tlspool-requests-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** As people make them. */
function request(key: readonly string[], ...more: string[]): { csr: Buffer; key: string } {
  const [csr, pem] = [join(folder, 'csr'), join(folder, 'key')];
  const args = ['req', '-new', '-nodes', '-newkey', ...key, '-subj', '/CN=admin', ...more];
  execFileSync('openssl', [...args, '-keyout', pem, '-out', csr], {
    stdio: 'ignore',
    timeout: patience,
  });
  return { csr: readFileSync(csr), key: readFileSync(pem, 'utf8') };
}

const kinds: Record<string, readonly string[]> = {
  'rsa-2048': ['rsa:2048'],
  'ec-p256': ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'ec-p384': ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  ed25519: ['ed25519'],
};
for (const [kind, key] of Object.entries(kinds)) {
  test(`a request with a key of the kind ${kind} is read, in PEM and in DER`, async () => {
    for (const form of ['PEM', 'DER']) {
      const made = request(key, '-outform', form);
      const { keyType, publicKey } = await readRequest(made.csr);
      assert.equal(keyType, kind);
      const expected = createPublicKey(made.key).export({ format: 'der', type: 'spki' });
      assert.deepEqual(publicKey, expected);
    }
  });
}

test('requests of Microsoft and Java, with their other label, are read', async () => {
  const { csr } = request(kinds['ec-p256'] ?? []);
  const other = csr.toString().replaceAll('CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST');
  assert.equal((await readRequest(Buffer.from(other))).keyType, 'ec-p256');
});

/** A request for somebody else's key. */
function forged(): Buffer {
  const [own, other] = [1, 2].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  if (own === undefined || other === undefined) assert.fail();
  const info = sequence(
    der(0x02, Buffer.of(0)),
    commonName('admin'),
    other.publicKey.export({ format: 'der', type: 'spki' }),
    der(0xa0),
  );
  const signature = sign('sha256', info, own.privateKey);
  return sequence(info, ecdsaSha256, der(0x03, Buffer.of(0), signature));
}

test('who has not the key gets no certificate for it', async () => {
  await assert.rejects(readRequest(forged()), {
    code: 'bad-request',
    message: 'the request is not signed by its own key',
  });
});

test('keys that are too small, or that no pool signs for, are refused by name', async () => {
  const unfit: Record<string, readonly string[]> = {
    'an RSA key of 1024 bits': ['rsa:1024'],
    secp256k1: ['ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1'],
    Ed448: ['ed448'],
  };
  for (const [what, key] of Object.entries(unfit)) {
    await assert.rejects(
      readRequest(request(key).csr),
      (error: Error) => error instanceof TlspoolError && /not supported/.test(error.message),
      what,
    );
  }
});

test('what is no request is refused, whatever it is', async () => {
  const { csr, key } = request(kinds['ec-p256'] ?? [], '-outform', 'DER');
  const refused = { name: 'TlspoolError' };
  const { publicKey } = await readRequest(csr);
  for (const content of ['', 'hello', key, '-----BEGIN CERTIFICATE REQUEST-----\n']) {
    await assert.rejects(readRequest(Buffer.from(content)), refused);
  }
  await fc.assert(
    fc.asyncProperty(fc.nat(csr.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
      const turned = Buffer.from(csr);
      turned[at] = (turned[at] ?? 0) ^ mask;
      for (const content of [turned, csr.subarray(0, at)]) {
        try {
          // What is not signed at all may be read in another way.
          assert.deepEqual((await readRequest(content)).publicKey, publicKey);
        } catch (error) {
          assert.ok(error instanceof TlspoolError, String(error));
        }
      }
    }),
    { numRuns: 500 },
  );
});
