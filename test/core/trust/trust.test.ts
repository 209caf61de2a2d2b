import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { PathVerdict } from '../../../src/core/engine/types.ts';
import { formatDonai, parseDonai } from '../../../src/core/identity/donai.ts';
import { parseSelector } from '../../../src/core/identity/selector.ts';
import type { StoredRole } from '../../../src/core/store/schema.ts';
import { openStore, type Store } from '../../../src/core/store/store.ts';
import { ANYONE, addAnchor, removeAnchor } from '../../../src/core/trust/anchors.ts';
import type { PathVerifier } from '../../../src/core/trust/exhibit.ts';
import { parseExpression } from '../../../src/core/trust/expression.ts';
import { Trust } from '../../../src/core/trust/trust.ts';
import { defaultValidation } from '../../../src/core/trust/validation-settings.ts';
import { setAnchorExpression } from '../../../src/core/trust/wishes.ts';
import { dns, type Maker, mail, make, makeRoot } from './made-certificates.ts';

/** Verifies one signature by one anchor, and keeps count of the sets that it holds. */
class OneStepVerifier implements PathVerifier {
  readonly sets = new Map<number, Buffer[]>();
  created = 0;
  /** Of the event loop, that a path takes. */
  turns = 1;
  /** Answered instead, to see what becomes of it. */
  failure: Pick<PathVerdict, 'error' | 'message' | 'depth'> | undefined;

  createAnchors(certificates: Buffer[]): number {
    this.created += 1;
    this.sets.set(this.created, certificates);
    return this.created;
  }

  // There are no lists and no responders here.
  createCrl = () => assert.fail('no list was added');
  releaseCrl = () => assert.fail('no list was added');
  ocspRequest = () => assert.fail('nobody is to be asked');
  verifyOcsp = () => assert.fail('nobody answered');

  releaseAnchors(handle: number): void {
    assert.ok(this.sets.delete(handle), 'released twice');
  }

  async verifyPath({
    chain,
    anchors,
  }: Parameters<PathVerifier['verifyPath']>[0]): Promise<PathVerdict> {
    const set = this.sets.get(anchors);
    assert.ok(set, 'asked about a set that was released');
    if (this.failure) return { ok: false, path: [], ...this.failure };
    const leaf = new X509Certificate(chain[0] ?? Buffer.of());
    const issuer = set.find((anchor) => leaf.verify(new X509Certificate(anchor).publicKey));
    for (let turn = 0; turn < this.turns; turn += 1) await new Promise(setImmediate);
    assert.ok(this.sets.has(anchors), 'released while in use');
    if (issuer === undefined) {
      return { ok: false, error: 20, message: 'unable to get local issuer', depth: 0, path: [] };
    }
    return { ok: true, error: 0, message: '', depth: 0, path: [leaf.raw, issuer] };
  }
}

async function setUp(
  t: TestContext,
): Promise<{ store: Store; trust: Trust; engine: OneStepVerifier }> {
  const folder = await mkdtemp(join(tmpdir(), 'tlspool-trust-'));
  const store = await openStore(join(folder, 'state'), 'create');
  const engine = new OneStepVerifier();
  const trust = new Trust(store, engine);
  await trust.refresh();
  t.after(async () => {
    trust.close();
    assert.equal(engine.sets.size, 0, 'every set was released');
    await store.close();
    await rm(folder, { recursive: true });
  });
  return { store, trust, engine };
}

async function trustRoot(
  store: Store,
  root: Maker,
  role: StoredRole = 'both',
  ...selectors: string[]
) {
  return addAnchor(store.db, {
    certificate: root.certificate,
    role,
    selectors: selectors.length === 0 ? ANYONE : selectors.map(parseSelector),
    source: 'operator',
  });
}

function askServer(trust: Trust, leaf: Maker, expected: string, domainRepresentsUser = false) {
  return trust.validate({
    chain: [leaf.certificate],
    remoteRole: 'server',
    expected: parseDonai(expected),
    domainRepresentsUser,
  });
}

const askClient = (trust: Trust, leaf: Maker) =>
  trust.validate({ chain: [leaf.certificate], remoteRole: 'client' });

const outcome = (verdict: Awaited<ReturnType<Trust['validate']>>) =>
  verdict.ok ? verdict.remoteId && formatDonai(verdict.remoteId) : verdict.alert;

test('without anchors nobody is believed', async (t) => {
  const { trust } = await setUp(t);
  const leaf = make({ names: [dns('www.example.com')] }, makeRoot());
  assert.equal(outcome(await askServer(trust, leaf, 'www.example.com')), 'unknown_ca');
  assert.equal(outcome(await askClient(trust, leaf)), 'unknown_ca');
});

test('a server that an anchor vouches for is called what was asked for', async (t) => {
  const { store, trust } = await setUp(t);
  const root = makeRoot();
  await trustRoot(store, root);
  await trust.refresh();
  const leaf = make({ names: [mail('john@example.com'), dns('*.example.com')] }, root);
  assert.equal(outcome(await askServer(trust, leaf, 'www.example.com')), 'www.example.com');
  assert.equal(outcome(await askServer(trust, leaf, 'john@example.com')), 'john@example.com');
});

test('a server with another name is refused, and the reason names both', async (t) => {
  const { store, trust } = await setUp(t);
  const root = makeRoot();
  await trustRoot(store, root);
  await trust.refresh();
  const leaf = make({ commonName: 'www.example.com', names: [dns('a.example.com')] }, root);
  const verdict = await askServer(trust, leaf, 'www.example.com');
  assert.deepEqual(verdict, {
    ok: false,
    alert: 'bad_certificate',
    reason: 'the certificate is for a.example.com, not for www.example.com',
    advice:
      'Ask for a name that the certificate has, or have www.example.com added to its SubjectAltName.',
    report: undefined,
  });
});

test('a mailbox is no answer to a question about its domain', async (t) => {
  const { store, trust } = await setUp(t);
  const root = makeRoot();
  await trustRoot(store, root);
  await trust.refresh();
  const leaf = make({ names: [mail('john@example.com')] }, root);
  assert.equal(outcome(await askServer(trust, leaf, 'example.com')), 'bad_certificate');
});

test('a domain stands for its users only where that was allowed, and users never for others', async (t) => {
  const { store, trust } = await setUp(t);
  const root = makeRoot();
  await trustRoot(store, root);
  await trust.refresh();
  const domain = make({ names: [dns('example.com')] }, root);
  const user = make({ names: [mail('mary@example.com')] }, root);
  const asked = 'john@example.com';
  assert.equal(outcome(await askServer(trust, domain, asked)), 'bad_certificate');
  assert.equal(outcome(await askServer(trust, user, asked, true)), 'bad_certificate');
  const verdict = await askServer(trust, domain, asked, true);
  assert.equal(outcome(verdict), asked);
  assert.ok(verdict.ok && verdict.domainRepresented);
});

test('a client is called by its first user, else by its first domain, never by a wildcard', async (t) => {
  const { store, trust } = await setUp(t);
  const root = makeRoot();
  await trustRoot(store, root);
  await trust.refresh();
  const called = async (...names: Buffer[]) =>
    outcome(await askClient(trust, make({ names }, root)));
  assert.equal(
    await called(dns('a.example.com'), mail('john@example.com'), mail('mary@example.com')),
    'john@example.com',
  );
  assert.equal(
    await called(dns('*.example.com'), dns('b.example.com'), dns('a.example.com')),
    'b.example.com',
  );
  assert.equal(await called(dns('*.example.com')), 'bad_certificate');
  assert.equal(await called(), 'bad_certificate');
});

test('all names of a client are told, so that a denial of any of them can count', async (t) => {
  const { store, trust } = await setUp(t);
  const root = makeRoot();
  await trustRoot(store, root);
  await trust.refresh();
  const names = [dns('a.example.com'), mail('john@example.com')];
  const verdict = await askClient(trust, make({ names }, root));
  assert.ok(verdict.ok);
  assert.deepEqual(verdict.names.map(formatDonai), ['john@example.com', 'a.example.com']);
});

test('an anchor vouches for the role that it was given', async (t) => {
  const { store, trust } = await setUp(t);
  const root = makeRoot();
  await trustRoot(store, root, 'server');
  await trust.refresh();
  const leaf = make({ names: [dns('a.example.com')] }, root);
  assert.equal(outcome(await askServer(trust, leaf, 'a.example.com')), 'a.example.com');
  assert.equal(outcome(await askClient(trust, leaf)), 'unknown_ca');
});

test('an anchor vouches for the names that it was given', async (t) => {
  const { store, trust } = await setUp(t);
  const root = makeRoot();
  await trustRoot(store, root, 'client', '@.example.com', 'host.example.net');
  await trust.refresh();
  const called = async (...names: Buffer[]) =>
    outcome(await askClient(trust, make({ names }, root)));
  assert.equal(await called(mail('john@cs.example.com')), 'john@cs.example.com');
  assert.equal(await called(mail('john@example.com')), 'unknown_ca');
  assert.equal(await called(dns('cs.example.com')), 'unknown_ca');
  assert.equal(await called(dns('host.example.net')), 'host.example.net');
});

test('an anchor for other names cannot help, even beside one for this name', async (t) => {
  const { store, trust } = await setUp(t);
  const good = makeRoot('Good');
  const other = makeRoot('Other');
  await trustRoot(store, good, 'server', '.example.com');
  await trustRoot(store, other, 'server', '.example.net');
  await trust.refresh();
  const leaf = make({ names: [dns('a.example.com'), dns('a.example.net')] }, other);
  assert.equal(outcome(await askServer(trust, leaf, 'a.example.com')), 'unknown_ca');
  assert.equal(outcome(await askServer(trust, leaf, 'a.example.net')), 'a.example.net');
});

test('a chain that is empty or no certificate is refused', async (t) => {
  const { trust } = await setUp(t);
  const expected = parseDonai('a.example.com');
  const ask = (...chain: Buffer[]) => trust.validate({ chain, remoteRole: 'server', expected });
  assert.equal(outcome(await ask()), 'certificate_required');
  assert.equal(outcome(await ask(Buffer.from('nonsense'))), 'bad_certificate');
});

test('a name with a NUL is refused before any path is looked for', async (t) => {
  const { store, trust, engine } = await setUp(t);
  const root = makeRoot();
  await trustRoot(store, root);
  await trust.refresh();
  const leaf = make({ names: [dns('a.example.com'), dns('a.example.com\0.evil.example')] }, root);
  const verdict = await askServer(trust, leaf, 'a.example.com');
  assert.equal(outcome(verdict), 'bad_certificate');
  assert.match(verdict.ok ? '' : verdict.reason, /NUL/);
  assert.equal(engine.created, 0);
});

const alerts: [error: number, alert: string][] = [
  [2, 'unknown_ca'],
  [9, 'bad_certificate'],
  [10, 'certificate_expired'],
  [19, 'unknown_ca'],
  [20, 'unknown_ca'],
  [26, 'unsupported_certificate'],
  [47, 'bad_certificate'],
  [1_000, 'bad_certificate'],
];
test('the alert says what the path lacks', async (t) => {
  const { store, trust, engine } = await setUp(t);
  const root = makeRoot();
  await trustRoot(store, root);
  await trust.refresh();
  const leaf = make({ names: [dns('a.example.com')] }, root);
  for (const [error, alert] of alerts) {
    engine.failure = { error, message: 'it broke', depth: 1 };
    const verdict = await askServer(trust, leaf, 'a.example.com');
    assert.ok(!verdict.ok);
    assert.equal(verdict.alert, alert);
    assert.equal(verdict.reason, 'certificate 2 of the chain: it broke');
  }
});

const DAY = 24 * 60 * 60;
const now = () => Date.now() / 1000;

test('a verdict holds until the first certificate of the path expires', async (t) => {
  const { store, trust } = await setUp(t);
  const root = makeRoot();
  await trustRoot(store, root);
  await trust.refresh();
  const leaf = make({ names: [dns('a.example.com')], until: 0.5 }, root);
  const verdict = await askServer(trust, leaf, 'a.example.com');
  assert.ok(verdict.ok);
  assert.ok(Math.abs(verdict.until - (now() + DAY / 2)) < 30);
});

test('a verdict holds for a day at most', async (t) => {
  const { store, trust } = await setUp(t);
  const root = makeRoot();
  await trustRoot(store, root);
  await trust.refresh();
  const leaf = make({ names: [dns('a.example.com')], until: 100 }, root);
  const verdict = await askServer(trust, leaf, 'a.example.com');
  assert.ok(verdict.ok);
  assert.ok(Math.abs(verdict.until - (now() + DAY)) < 30);
});

test('an anchor that is taken out vouches no more, and the generation changes', async (t) => {
  const { store, trust, engine } = await setUp(t);
  const root = makeRoot();
  const anchor = await trustRoot(store, root);
  await trust.refresh();
  const { generation } = trust;
  const leaf = make({ names: [dns('a.example.com')] }, root);
  assert.equal(outcome(await askServer(trust, leaf, 'a.example.com')), 'a.example.com');

  await removeAnchor(store.db, anchor);
  await trust.refresh();
  assert.notEqual(trust.generation, generation);
  assert.equal(outcome(await askServer(trust, leaf, 'a.example.com')), 'unknown_ca');
  assert.equal(engine.sets.size, 0);
});

test('the generation changes with the settings too, but not when they are only read anew', async (t) => {
  const { store, engine } = await setUp(t);
  let settings = { ...defaultValidation };
  const trust = new Trust(store, engine, () => settings);
  await trust.refresh();
  const { generation } = trust;
  settings = { ...defaultValidation, extensions: new Map(defaultValidation.extensions) };
  assert.equal(trust.generation, generation);
  settings = { ...settings, levels: { L: { rsa: 4096 } } };
  assert.ok(trust.generation > generation);
  const changed = trust.generation;
  settings = { ...settings, levels: { L: { rsa: 4096 } } };
  assert.equal(trust.generation, changed);
  trust.close();
});

test('a first use is remembered only where a path is missing, however long that takes to find', async (t) => {
  const { store, trust, engine } = await setUp(t);
  const root = makeRoot();
  await trustRoot(store, root);
  await trust.refresh();
  engine.turns = 100;
  const expected = parseDonai('a.example.com');
  const remembers = async (leaf: Maker) => {
    const verdict = await trust.validate({
      chain: [leaf.certificate],
      remoteRole: 'server',
      expected,
      expressions: [parseExpression('Tp|I&')],
    });
    assert.ok(verdict.ok);
    return verdict.remember !== undefined;
  };
  assert.equal(await remembers(make({ names: [dns('a.example.com')] }, root)), false);
  assert.equal(await remembers(make({ names: [dns('a.example.com')] })), true);
});

test('what an anchor asks for counts, also where something else was quicker than its path', async (t) => {
  const { store, trust, engine } = await setUp(t);
  const root = makeRoot();
  await setAnchorExpression(store.db, await trustRoot(store, root), parseExpression('0'));
  await trust.refresh();
  engine.turns = 100;
  const leaf = make({ names: [dns('a.example.com')] }, root);
  const verdict = await trust.validate({
    chain: [leaf.certificate],
    remoteRole: 'server',
    expected: parseDonai('a.example.com'),
    expressions: [parseExpression('Tp|I&')],
  });
  assert.equal(verdict.ok, false);
});

test('a set in use stays until the last verdict on it is out', async (t) => {
  const { store, trust, engine } = await setUp(t);
  const root = makeRoot();
  await trustRoot(store, root);
  await trust.refresh();
  const leaf = make({ names: [dns('a.example.com')] }, root);
  const pending = [1, 2, 3].map(() => askServer(trust, leaf, 'a.example.com'));
  await trustRoot(store, makeRoot('Another'));
  await trust.refresh();
  for (const verdict of await Promise.all(pending)) assert.ok(verdict.ok);
  assert.equal(engine.sets.size, 0);
});

test('names that the same anchors vouch for share one set', async (t) => {
  const { store, trust, engine } = await setUp(t);
  const root = makeRoot();
  await trustRoot(store, root);
  await trust.refresh();
  for (let n = 0; n < 10; n += 1) {
    const leaf = make({ names: [dns(`host-${n}.example.com`)] }, root);
    assert.ok((await askServer(trust, leaf, `host-${n}.example.com`)).ok);
  }
  assert.equal(engine.created, 1);
});

test('however many combinations there are, few sets are kept', async (t) => {
  const { store, trust, engine } = await setUp(t);
  const roots = Array.from({ length: 80 }, (_, n) => ({ n, root: makeRoot(`Root ${n}`) }));
  for (const { n, root } of roots) await trustRoot(store, root, 'server', `host-${n}.example.com`);
  await trust.refresh();
  for (const { n, root } of roots) {
    const leaf = make({ names: [dns(`host-${n}.example.com`)] }, root);
    assert.ok((await askServer(trust, leaf, `host-${n}.example.com`)).ok);
  }
  assert.equal(engine.created, 80);
  assert.ok(engine.sets.size <= 64);
});
