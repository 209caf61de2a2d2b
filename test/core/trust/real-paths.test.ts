import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { Engine } from '../../../src/core/engine/engine.ts';
import type { TlsRole } from '../../../src/core/engine/types.ts';
import { formatDonai, parseDonai } from '../../../src/core/identity/donai.ts';
import { parseSelector } from '../../../src/core/identity/selector.ts';
import { openStore, type Store } from '../../../src/core/store/store.ts';
import { ANYONE, addAnchor, removeAnchor } from '../../../src/core/trust/anchors.ts';
import { Trust } from '../../../src/core/trust/trust.ts';
import { der, dns, extension, type Maker, mail, make, makeRoot } from './made-certificates.ts';

let engine: Engine;
before(() => {
  engine = Engine.start({ threads: 1 });
});
after(() => engine.stop());

async function setUp(t: TestContext, ...roots: Maker[]): Promise<{ store: Store; trust: Trust }> {
  const folder = await mkdtemp(join(tmpdir(), 'tlspool-paths-'));
  const store = await openStore(join(folder, 'state'), 'create');
  for (const { certificate } of roots) {
    await addAnchor(store.db, { certificate, role: 'both', selectors: ANYONE, source: 'operator' });
  }
  const trust = new Trust(store, engine);
  await trust.refresh();
  t.after(async () => {
    trust.close();
    await store.close();
    await rm(folder, { recursive: true });
  });
  return { store, trust };
}

const NAME = 'www.example.com';
const names = [dns(NAME)];

/** The name, or the alert and the reason. */
async function verdict(trust: Trust, remoteRole: TlsRole, ...chain: Maker[]): Promise<string> {
  const expected = remoteRole === 'server' ? parseDonai(NAME) : undefined;
  const outcome = await trust.validate({
    chain: chain.map(({ certificate }) => certificate),
    remoteRole,
    expected,
  });
  return outcome.ok
    ? formatDonai(outcome.remoteId ?? parseDonai('nobody'))
    : `${outcome.alert}: ${outcome.reason}`;
}

test('a path over an intermediate is found, in whatever order the chain came', async (t) => {
  const root = makeRoot();
  const { trust } = await setUp(t, root);
  const issuer = make({ commonName: 'Issuing CA', ca: true, usage: 'none' }, root);
  const leaf = make({ names }, issuer);
  const other = makeRoot('Bystander');
  assert.equal(await verdict(trust, 'server', leaf, issuer), NAME);
  assert.equal(await verdict(trust, 'server', leaf, other, root, issuer), NAME);
  assert.equal(await verdict(trust, 'client', leaf, issuer), NAME);
  assert.match(await verdict(trust, 'server', leaf), /^unknown_ca:/);
});

test('a root that came along vouches for nothing', async (t) => {
  const { trust } = await setUp(t, makeRoot('Trusted'));
  const stranger = makeRoot('Stranger');
  const leaf = make({ names }, stranger);
  assert.match(await verdict(trust, 'server', leaf, stranger), /^unknown_ca:/);
});

test('another root of the same name is not the root', async (t) => {
  const { trust } = await setUp(t, makeRoot('The Root'));
  const impostor = makeRoot('The Root');
  const leaf = make({ names }, impostor);
  assert.match(await verdict(trust, 'server', leaf, impostor), /^(?:unknown_ca|bad_certificate):/);
});

test('a self-signed certificate is not believed', async (t) => {
  const { trust } = await setUp(t, makeRoot());
  assert.match(await verdict(trust, 'server', make({ names })), /^unknown_ca:/);
});

test('expiry and validity to come are told apart from distrust', async (t) => {
  const root = makeRoot();
  const { trust } = await setUp(t, root);
  const old = make({ names, from: -20, until: -10 }, root);
  const young = make({ names, from: 10 }, root);
  assert.match(await verdict(trust, 'server', old), /^certificate_expired: the certificate:/);
  assert.match(await verdict(trust, 'server', young), /^bad_certificate:.*not yet valid/);
});

test('a certificate for the other role is not supported', async (t) => {
  const root = makeRoot();
  const { trust } = await setUp(t, root);
  const server = make({ names, usage: 'server' }, root);
  const client = make({ names, usage: 'client' }, root);
  assert.equal(await verdict(trust, 'server', server), NAME);
  assert.equal(await verdict(trust, 'client', client), NAME);
  assert.match(await verdict(trust, 'server', client), /^unsupported_certificate:/);
  assert.match(await verdict(trust, 'client', server), /^unsupported_certificate:/);
});

test('a leaf cannot act as a CA', async (t) => {
  const root = makeRoot();
  const { trust } = await setUp(t, root);
  const leaf = make({ names: [dns('leaf.example.com')] }, root);
  const forged = make({ names }, leaf);
  assert.match(await verdict(trust, 'server', forged, leaf), /^unknown_ca:/);
});

/** NameConstraints ::= SEQUENCE { permittedSubtrees [0] } (RFC 5280 section 4.2.1.10). */
function permitted(...bases: Buffer[]): Buffer {
  const subtrees = bases.map((base) => der(0x30, base));
  return extension('551d1e', der(0x30, der(0xa0, ...subtrees)), true);
}

test('name constraints of a CA hold', async (t) => {
  const root = makeRoot();
  const { trust } = await setUp(t, root);
  const shape = { commonName: 'Constrained CA', ca: true, usage: 'none' } as const;
  const inside = make({ ...shape, extensions: [permitted(dns('example.com'))] }, root);
  const outside = make({ ...shape, extensions: [permitted(dns('example.net'))] }, root);
  assert.equal(await verdict(trust, 'server', make({ names }, inside), inside), NAME);
  const refused = await verdict(trust, 'server', make({ names }, outside), outside);
  assert.match(refused, /^bad_certificate:.*permitted subtree/);
  const mailOutside = make({ ...shape, extensions: [permitted(mail('example.net'))] }, root);
  const john = make({ names: [mail('john@example.com')] }, mailOutside);
  assert.match(await verdict(trust, 'client', john, mailOutside), /^bad_certificate:/);
});

test('a critical extension that nobody knows is refused', async (t) => {
  const root = makeRoot();
  const { trust } = await setUp(t, root);
  const unknown = extension('2b0601040182371563', der(0x05), true);
  const leaf = make({ names, extensions: [unknown] }, root);
  assert.match(await verdict(trust, 'server', leaf), /^unsupported_certificate:/);
});

test('a signature that does not fit is refused', async (t) => {
  const root = makeRoot();
  const { trust } = await setUp(t, root);
  const leaf = make({ names }, root);
  const forged = Buffer.from(leaf.certificate);
  const at = forged.indexOf('somebody');
  forged.write('somebodx', at, 'latin1');
  const refused = await verdict(trust, 'server', { ...leaf, certificate: forged });
  assert.match(refused, /^(?:bad_certificate|unknown_ca):/);
});

test('anchors vouch only for their names and roles, and not once they are gone', async (t) => {
  const { store, trust } = await setUp(t);
  const root = makeRoot();
  const anchor = await addAnchor(store.db, {
    certificate: root.certificate,
    role: 'client',
    selectors: [parseSelector('@.example.com')],
    source: 'operator',
  });
  await trust.refresh();
  const user = make({ names: [mail('john@cs.example.com')] }, root);
  const domain = make({ names }, root);
  assert.equal(await verdict(trust, 'client', user), 'john@cs.example.com');
  assert.match(await verdict(trust, 'client', domain), /^unknown_ca: no anchor vouches/);
  assert.match(await verdict(trust, 'server', domain), /^unknown_ca: no anchor vouches/);
  await removeAnchor(store.db, anchor);
  await trust.refresh();
  assert.match(await verdict(trust, 'client', user), /^unknown_ca:/);
});

test('a chain of garbage is refused', async (t) => {
  const root = makeRoot();
  const { trust } = await setUp(t, root);
  const leaf = make({ names }, root);
  const garbage = { ...root, certificate: Buffer.from('garbage') };
  assert.match(await verdict(trust, 'server', garbage), /^bad_certificate:/);
  assert.match(await verdict(trust, 'server', leaf, garbage), /^bad_certificate:/);
});
