import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { Engine } from '../../../src/core/engine/engine.ts';
import { parseDonai } from '../../../src/core/identity/donai.ts';
import { openStore, type Store } from '../../../src/core/store/store.ts';
import { ANYONE, addAnchor } from '../../../src/core/trust/anchors.ts';
import { children, contentOf, readElement, TAG } from '../../../src/core/trust/der.ts';
import { addDistrust } from '../../../src/core/trust/distrust.ts';
import { fingerprintsOf } from '../../../src/core/trust/fingerprints.ts';
import { signatureTwins } from '../../../src/core/trust/signature-twins.ts';
import { Trust } from '../../../src/core/trust/trust.ts';
import { patience } from '../../patience.ts';
import { der, dns, type Maker, make, makeRoot, sequence } from './made-certificates.ts';

let engine: Engine;
before(() => {
  engine = Engine.start({ threads: 1 });
});
after(() => engine.stop());

const NAME = 'www.example.com';

async function setUp(t: TestContext, root: Maker): Promise<{ store: Store; trust: Trust }> {
  const folder = await mkdtemp(join(tmpdir(), 'tlspool-distrust-'));
  const store = await openStore(join(folder, 'state'), 'create');
  const { certificate } = root;
  await addAnchor(store.db, { certificate, role: 'both', selectors: ANYONE, source: 'local-ca' });
  const trust = new Trust(store, engine);
  t.after(async () => {
    trust.close();
    await store.close();
    await rm(folder, { recursive: true });
  });
  return { store, trust };
}

/** `believed`, or the alert. */
async function verdict(trust: Trust, certificate: Buffer): Promise<string> {
  await trust.refresh();
  const asked = { chain: [certificate], remoteRole: 'server', expected: parseDonai(NAME) } as const;
  const outcome = await trust.validate(asked);
  return outcome.ok ? 'believed' : outcome.alert;
}

const P256 = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** The same certificate, with the other signature that holds for it: anybody can make that. */
function mirrored(certificate: Buffer): Buffer {
  const [tbs, algorithm, signature] = children(readElement(certificate));
  const [r, s] = children(readElement(contentOf(signature, TAG.bitString).subarray(1)));
  assert.ok(tbs && algorithm && r && s);
  const other = (P256 - BigInt(`0x${s.content.toString('hex')}`)).toString(16);
  const digits = other.length % 2 === 0 ? `00${other}` : `0${other}`;
  const number = Buffer.from(/^00[0-7]/.test(digits) ? digits.slice(2) : digits, 'hex');
  const value = sequence(r.encoded, der(0x02, number));
  return sequence(tbs.encoded, algorithm.encoded, der(0x03, Buffer.of(0), value));
}

test('what the local CA revoked stays revoked, whatever its owner makes of the signature', async (t) => {
  const root = makeRoot();
  const { store, trust } = await setUp(t, root);
  const { certificate } = make({ names: [dns(NAME)] }, root);
  const other = mirrored(certificate);
  assert.notDeepEqual(other, certificate);
  assert.equal(await verdict(trust, other), 'believed', 'it is signed by the CA as well');

  const authority = { kind: 'ec', certificate: root.certificate, key_uri: 'pkcs11:' } as const;
  await store.db.insertInto('authorities').values(authority).execute();
  const { id } = await store.db.selectFrom('authorities').select('id').executeTakeFirstOrThrow();
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  await store.db
    .insertInto('issued')
    .values({
      serial: fingerprintsOf(certificate).serial,
      authority_id: id,
      donai: NAME,
      role: 'both',
      not_before: validFromDate.toISOString(),
      not_after: validToDate.toISOString(),
      certificate,
      revoked_at: null,
    })
    .execute();
  const revoked_at = new Date().toISOString();
  await store.db.updateTable('issued').set({ revoked_at }).execute();
  assert.equal(await verdict(trust, certificate), 'certificate_revoked');
  assert.equal(await verdict(trust, other), 'certificate_revoked');
  const { certificate: another } = make({ names: [dns(NAME)] }, root);
  assert.equal(await verdict(trust, another), 'believed');
});

test('a certificate that is distrusted stays so, whatever its owner makes of the signature', async (t) => {
  const root = makeRoot();
  const { store, trust } = await setUp(t, root);
  const { certificate } = make({ names: [dns(NAME)] }, root);
  const value = fingerprintsOf(certificate).certificate;
  await addDistrust(store.db, { kind: 'certificate', value, note: '' });
  assert.equal(await verdict(trust, certificate), 'certificate_revoked');
  assert.equal(await verdict(trust, mirrored(certificate)), 'certificate_revoked');
  const { certificate: another } = make({ names: [dns(NAME)] }, root);
  assert.equal(await verdict(trust, another), 'believed');
});

for (const curve of [
  'secp224r1',
  'prime256v1',
  'secp384r1',
  'secp521r1',
  'secp256k1',
  'brainpoolP256r1',
  'brainpoolP384r1',
  'brainpoolP512r1',
]) {
  test(`a certificate that is signed by a key on ${curve} has a twin that verifies too`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'tlspool-twins-'));
    t.after(() => rm(folder, { recursive: true }));
    const [key, out] = [join(folder, 'key.pem'), join(folder, 'root.der')];
    const how = ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`, '-nodes'];
    const files = ['-keyout', key, '-subj', '/CN=root', '-outform', 'DER', '-out', out];
    execFileSync('openssl', ['req', '-x509', ...how, ...files], {
      stdio: 'pipe',
      timeout: patience,
    });
    const certificate = await readFile(out);
    const { publicKey } = new X509Certificate(certificate);
    const twins = signatureTwins(certificate);
    const valid = twins.filter((twin) => new X509Certificate(twin).verify(publicKey));
    assert.equal(valid.length, 1);
    const [twin = certificate] = valid;
    assert.notDeepEqual(twin, certificate);
    assert.ok(signatureTwins(twin).some((back) => back.equals(certificate)));
  });
}

test('other signatures have no twins', () => {
  const certificate = execFileSync('openssl', [
    ...['req', '-x509', '-newkey', 'ed25519', '-nodes', '-keyout', '/dev/null'],
    ...['-subj', '/CN=root', '-outform', 'DER'],
  ]);
  assert.deepEqual(signatureTwins(certificate), []);
});
