import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { der, type Exchange, Pki, serve, startEngine } from './fixture.ts';

const pki = new Pki();
const engine = startEngine();
const leaf = pki.leaf('p256', 'server.example', ['extendedKeyUsage=serverAuth']);
const credential = await pki.credential(engine, leaf);
const local = { credentials: [credential] };
const anchors = engine.createAnchors([pki.ca()]);

after(async () => {
  await engine.stop();
  pki[Symbol.dispose]();
});

async function finish({ session, client, program }: Exchange): Promise<void> {
  client.resume().end();
  program.resume().end();
  await session.closed;
}

for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
  test(`both ends export the same keying material (${maxVersion})`, async () => {
    const exchange = await serve(engine, { local }, { maxVersion });
    const { client, session } = exchange;
    await session.established;
    const label = 'EXPERIMENTAL-test';
    const context = Buffer.from('context');
    assert.deepEqual(
      await engine.exporter(session.id, label, context, 40),
      client.exportKeyingMaterial(40, label, context),
    );
    const without = await engine.exporter(session.id, label, undefined, 40);
    const empty = await engine.exporter(session.id, label, Buffer.alloc(0), 40);
    assert.equal(without.equals(empty), maxVersion === 'TLSv1.3');
    if (maxVersion === 'TLSv1.2') {
      const reserved = engine.exporter(session.id, 'client finished', undefined, 12);
      await assert.rejects(reserved, { code: 'exporter-refused' });
    }
    await finish(exchange);
    await assert.rejects(engine.exporter(session.id, label, context, 40), { code: 'session-gone' });
  });

  test(`channel bindings are those of RFC 5929 (${maxVersion})`, async () => {
    const exchange = await serve(engine, { local }, { maxVersion });
    const { client, session } = exchange;
    await session.established;
    const unique = await engine.channelBinding(session.id, 'tls-unique');
    if (maxVersion === 'TLSv1.3') assert.equal(unique, undefined);
    else assert.deepEqual(unique, client.getFinished());
    assert.deepEqual(
      await engine.channelBinding(session.id, 'tls-server-end-point'),
      createHash('sha256')
        .update(leaf.chain[0] ?? '')
        .digest(),
    );
    await finish(exchange);
  });
}

test('a path is accepted for its role, in its time, up to its anchor, and given as it was built', async () => {
  const verdict = await engine.verifyPath({ chain: leaf.chain, anchors, role: 'server' });
  assert.deepEqual(verdict, {
    ok: true,
    error: 0,
    message: 'ok',
    depth: 0,
    path: [...leaf.chain, pki.ca()],
  });
});

test('a leaf for servers is no good for a client', async () => {
  const verdict = await engine.verifyPath({ chain: leaf.chain, anchors, role: 'client' });
  assert.equal(verdict.ok, false);
  assert.equal(verdict.error, 26);
  assert.match(verdict.message, /purpose/);
  assert.deepEqual(verdict.path, []);
});

test('validity is judged at the time asked for', async () => {
  const day = 24 * 3600;
  const { validFromDate } = new X509Certificate(readFileSync(leaf.certificateFile));
  const start = validFromDate.getTime() / 1000;
  const early = await engine.verifyPath({
    chain: leaf.chain,
    anchors,
    role: 'server',
    at: start - day,
  });
  assert.equal(early.error, 9);
  const late = await engine.verifyPath({
    chain: leaf.chain,
    anchors,
    role: 'server',
    at: start + 31 * day,
  });
  assert.equal(late.error, 10);
});

test('an unknown issuer, an empty set of anchors and a damaged certificate do not verify', async () => {
  using other = new Pki();
  const foreign = engine.createAnchors([other.ca()]);
  assert.equal(
    (await engine.verifyPath({ chain: leaf.chain, anchors: foreign, role: 'server' })).error,
    20,
  );
  const none = engine.createAnchors([]);
  assert.equal(
    (await engine.verifyPath({ chain: leaf.chain, anchors: none, role: 'server' })).error,
    20,
  );
  const damaged = Buffer.from(leaf.chain[0] ?? '');
  damaged[damaged.length - 10] = (damaged[damaged.length - 10] ?? 0) ^ 1;
  assert.equal((await engine.verifyPath({ chain: [damaged], anchors, role: 'server' })).error, 7);
  assert.equal(
    (await engine.verifyPath({ chain: [Buffer.from('no')], anchors, role: 'server' })).ok,
    false,
  );
  assert.equal((await engine.verifyPath({ chain: [], anchors, role: 'server' })).ok, false);
  engine.releaseAnchors(foreign);
  await assert.rejects(
    async () => engine.verifyPath({ chain: leaf.chain, anchors: foreign, role: 'server' }),
    { code: 'ERR_INVALID_ARG_VALUE' },
  );
  assert.throws(() => engine.createAnchors([Buffer.from('no')]), { code: 'unusable-certificate' });
});

test('an intermediate issuer is not an anchor, and is needed in the chain', async () => {
  const file = (name: string) => pki.file(name);
  pki.openssl(
    'genpkey',
    '-algorithm',
    'EC',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-out',
    file('int.key'),
  );
  pki.openssl(
    'req',
    '-new',
    '-key',
    file('int.key'),
    '-subj',
    '/CN=Intermediate',
    '-out',
    file('int.csr'),
  );
  writeFileSync(
    file('int.ext'),
    'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign',
  );
  pki.openssl(
    'x509',
    '-req',
    '-in',
    file('int.csr'),
    '-CA',
    pki.caFile,
    '-CAkey',
    file('ca.key'),
    '-CAcreateserial',
    '-days',
    '30',
    '-extfile',
    file('int.ext'),
    '-out',
    file('int.pem'),
  );
  pki.openssl(
    'genpkey',
    '-algorithm',
    'EC',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-out',
    file('end.key'),
  );
  pki.openssl('req', '-new', '-key', file('end.key'), '-subj', '/CN=end', '-out', file('end.csr'));
  pki.openssl(
    'x509',
    '-req',
    '-in',
    file('end.csr'),
    '-CA',
    file('int.pem'),
    '-CAkey',
    file('int.key'),
    '-CAcreateserial',
    '-days',
    '30',
    '-out',
    file('end.pem'),
  );
  const [end, intermediate] = [der(file('end.pem')), der(file('int.pem'))];
  const full = await engine.verifyPath({ chain: [end, intermediate], anchors, role: 'server' });
  assert.equal(full.ok, true);
  assert.equal(full.path.length, 3);
  assert.equal((await engine.verifyPath({ chain: [end], anchors, role: 'server' })).error, 20);
  const partial = engine.createAnchors([intermediate]);
  assert.equal(
    (await engine.verifyPath({ chain: [end], anchors: partial, role: 'server' })).ok,
    false,
  );
});

test('weak keys are refused', async () => {
  const file = (name: string) => pki.file(name);
  pki.openssl(
    'genpkey',
    '-algorithm',
    'RSA',
    '-pkeyopt',
    'rsa_keygen_bits:1024',
    '-out',
    file('weak.key'),
  );
  pki.openssl(
    'req',
    '-new',
    '-key',
    file('weak.key'),
    '-subj',
    '/CN=weak',
    '-out',
    file('weak.csr'),
  );
  pki.openssl(
    'x509',
    '-req',
    '-in',
    file('weak.csr'),
    '-CA',
    pki.caFile,
    '-CAkey',
    file('ca.key'),
    '-CAcreateserial',
    '-days',
    '30',
    '-out',
    file('weak.pem'),
  );
  const verdict = await engine.verifyPath({
    chain: [der(file('weak.pem'))],
    anchors,
    role: 'server',
  });
  assert.equal(verdict.error, 66);
  assert.match(verdict.message, /too weak/);
});
