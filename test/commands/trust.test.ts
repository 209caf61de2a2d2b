import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { formatPemCertificates } from '../../src/core/identity/pem.ts';
import { openStore } from '../../src/core/store/store.ts';
import { dns, make, makeRoot } from '../core/trust/made-certificates.ts';
import { type Stage, stage } from './state-stage.ts';

async function emptyPool(t: TestContext): Promise<Stage> {
  const made = stage();
  t.after(() => made[Symbol.dispose]());
  await using _store = await openStore(made.stateDir, 'create');
  return made;
}

// biome-ignore lint/suspicious/noExplicitAny: what a command prints is checked by the assertions
type Json = any;

async function succeed(made: Stage, ...args: string[]): Promise<Json> {
  const { code, stdout } = await made.tlspool('trust', ...args, '--json');
  assert.equal(code, 0, stdout);
  return JSON.parse(stdout);
}

async function fail(made: Stage, exit: number, ...args: string[]): Promise<Json> {
  const { code, stdout } = await made.tlspool('trust', ...args, '--json');
  assert.equal(code, exit, stdout);
  return JSON.parse(stdout).error;
}

const anchors = async (made: Stage) => (await succeed(made, 'list')).anchors;

function file({ folder }: Stage, content: string | Buffer): string {
  const path = join(folder, 'ca.pem');
  writeFileSync(path, content);
  return path;
}

test('nobody is trusted by default', async (t) => {
  const made = await emptyPool(t);
  assert.deepEqual(await anchors(made), []);
  const { stdout } = await made.tlspool('trust', 'list');
  assert.match(stdout, /Nobody is trusted/);
  assert.ok(stdout.includes(made.stateDir));
});

test('a CA vouches for servers of every name unless it is said otherwise', async (t) => {
  const made = await emptyPool(t);
  const path = file(made, formatPemCertificates([makeRoot('Web CA').certificate]));
  await succeed(made, 'add', path);
  const [anchor] = await anchors(made);
  assert.equal(anchor.role, 'server');
  assert.deepEqual(anchor.for, ['.', '@.']);
  assert.equal(anchor.subject, 'CN=Web CA');
  assert.equal(anchor.source, 'operator');
});

test('a CA for clients must be told for which names', async (t) => {
  const made = await emptyPool(t);
  const path = file(made, makeRoot('Users CA').certificate);
  for (const role of ['client', 'both']) {
    const error = await fail(made, 2, 'add', path, '--role', role);
    assert.match(error.hint, /--for/);
  }
  assert.deepEqual(await anchors(made), []);
  const names = ['--for', '@Example.com', '--for', '.bücher.example'];
  await succeed(made, 'add', path, '--role', 'client', ...names);
  const [anchor] = await anchors(made);
  assert.deepEqual(anchor.for, ['@example.com', '.xn--bcher-kva.example']);
  const { stdout } = await made.tlspool('trust', 'list');
  assert.match(
    stdout,
    /client +@example\.com \.xn--bcher-kva\.example +added +in 30 days +CN=Users CA/,
  );
});

test('several CAs of one file are added, all or none', async (t) => {
  const made = await emptyPool(t);
  const roots = ['One', 'Two', 'Three'].map((name) => makeRoot(name).certificate);
  const leaf = make({ names: [dns('www.example.com')] }).certificate;
  const mixed = file(made, formatPemCertificates([...roots, leaf]));
  assert.equal((await fail(made, 1, 'add', mixed)).code, 'unusable-anchor');
  assert.deepEqual(await anchors(made), []);
  const { added } = await succeed(made, 'add', file(made, formatPemCertificates(roots)));
  assert.equal(added.length, 3);
  assert.equal((await anchors(made)).length, 3);
});

test('what cannot vouch is refused, with the reason', async (t) => {
  const made = await emptyPool(t);
  const expired = makeRoot('Old', { from: -9, until: -2 }).certificate;
  assert.match((await fail(made, 1, 'add', file(made, expired))).message, /expired/);
  assert.equal((await fail(made, 1, 'add', file(made, 'garbage'))).code, 'no-certificate');
  assert.equal((await fail(made, 1, 'add', '/nonexistent')).code, 'unreadable-file');
  assert.equal((await fail(made, 2, 'add')).code, 'usage');
  const path = file(made, makeRoot().certificate);
  assert.equal((await fail(made, 2, 'add', path, '--for', '*.example.com')).code, 'bad-donai');
});

test('an anchor goes by the beginning of its fingerprint', async (t) => {
  const made = await emptyPool(t);
  const { added } = await succeed(made, 'add', file(made, makeRoot().certificate));
  const [{ fingerprint }] = added;
  assert.equal((await fail(made, 2, 'remove', 'xyz')).code, 'usage');
  assert.equal((await fail(made, 2, 'remove', fingerprint.slice(0, 3))).code, 'usage');
  const other = fingerprint.startsWith('00000') ? 'fffff' : '00000';
  assert.equal((await fail(made, 1, 'remove', other)).code, 'no-anchor');
  const spelled = fingerprint.slice(0, 8).toUpperCase().match(/../g).join(':');
  assert.equal((await succeed(made, 'remove', spelled)).fingerprint, fingerprint);
  assert.deepEqual(await anchors(made), []);
});

test('pins are listed with their end, and whether another key may take their place', async (t) => {
  const made = await emptyPool(t);
  const [one, other] = ['ab', 'cd'].map((byte) => byte.repeat(32)) as [string, string];
  await succeed(made, 'pin', 'one.example.com', one);
  const { rollOverAt } = await succeed(
    made,
    ...['pin', 'other.example.com', other, '--days', '90', '--roll-over', '30'],
  );
  const { stdout } = await made.tlspool('trust', 'list');
  assert.match(stdout, /one\.example\.com +abababababababab +pinned +never +refused/);
  const day = String(rollOverAt).slice(0, 10);
  assert.match(stdout, new RegExp(`other\\.example\\.com +c.* +pinned +in .* +once, from ${day}`));
});

test('a pin that no expression looks at is said to have no effect', async (t) => {
  const made = await emptyPool(t);
  const pin = async (remote: string) =>
    (await made.tlspool('trust', 'pin', remote, 'ab'.repeat(32))).stderr;
  const useless =
    /^Warning: no expression looks at pins.*expression set 'PTI&r&\|' --role server\n$/;
  assert.match(await pin('one.example.com'), useless);
  await succeed(made, 'expression', 'set', 'PTI&r&|', '--role', 'server');
  assert.equal(await pin('two.example.com'), '');
  assert.match(await pin('john@example.com'), /--role client\n$/);
});

test('whoever mistypes what to remove is told what there is, and what is near', async (t) => {
  const made = await emptyPool(t);
  const nothing = await fail(made, 1, 'remove', 'abcdef');
  assert.match(nothing.message, /nothing in trust begins with abcdef/);
  assert.match(nothing.hint, /There is nothing to remove/);

  const roots = Array.from({ length: 10 }, (_, index) => makeRoot(`CA ${index}`).certificate);
  const { added } = await succeed(made, 'add', file(made, formatPemCertificates(roots)));
  const [{ fingerprint }] = added;
  const slip = `${fingerprint.slice(0, 7)}${fingerprint[7] === '0' ? '1' : '0'}`;
  const slipped = await fail(made, 1, 'remove', slip);
  assert.match(slipped.hint, new RegExp(`^Did you mean ${fingerprint.slice(0, 16)} \\(CN=CA 0\\)`));
  assert.match(slipped.hint, /^ {2}[0-9a-f]{16} \(CN=CA 7\)\n {2}and 2 more: tlspool trust list$/m);
  assert.match((await fail(made, 2, 'remove', 'CA 0')).hint, /^ {2}[0-9a-f]{16} \(CN=CA 0\)$/m);
  assert.equal((await anchors(made)).length, 10);
});

test('of two entries that begin alike none is removed before it is clear which', async (t) => {
  const made = await emptyPool(t);
  const [one, other] = ['abcdef0101', 'abcdef0202'];
  await succeed(made, 'distrust', one, '--note', 'stolen');
  await succeed(made, 'distrust', other);
  const error = await fail(made, 2, 'remove', 'ABCD:EF');
  assert.match(error.message, /2 entries begin with ABCD:EF/);
  assert.match(error.hint, /abcdef0101 \(distrust of a serial \(stolen\)\)/);
  // As certificates have it, with a leading zero.
  assert.equal((await succeed(made, 'remove', `00${one}`)).fingerprint, one);
  const { distrusted } = await succeed(made, 'list');
  assert.deepEqual(
    distrusted.map(({ value }: Json) => value),
    [other],
  );
});

test('what is an anchor and distrusted too loses the distrust first', async (t) => {
  const made = await emptyPool(t);
  const path = file(made, makeRoot().certificate);
  const { added } = await succeed(made, 'add', path);
  await succeed(made, 'distrust', path);
  const { fingerprint } = added[0];
  await succeed(made, 'remove', fingerprint);
  assert.deepEqual((await succeed(made, 'list')).distrusted, []);
  assert.equal((await anchors(made)).length, 1);
  await succeed(made, 'remove', fingerprint);
  assert.deepEqual(await anchors(made), []);
});

const noBundle = !existsSync('/etc/ssl/certs/ca-certificates.crt');
test("the system's CAs vouch for servers, come once, and go together", {
  skip: noBundle,
}, async (t) => {
  const made = await emptyPool(t);
  const own = await succeed(made, 'add', file(made, makeRoot('Own').certificate));
  const first = await succeed(made, 'add', '--system');
  assert.ok(first.system.added > 50);
  const second = await succeed(made, 'add', '--system');
  assert.equal(second.system.added, 0);
  assert.equal(second.system.kept, first.system.added);
  const all = await anchors(made);
  assert.ok(all.every((anchor: Json) => anchor.role === 'server'));
  assert.equal(
    (await fail(made, 2, 'add', '--system', '--role', 'client', '--for', '.')).code,
    'usage',
  );

  assert.equal((await succeed(made, 'remove', '--system')).removed, first.system.added);
  assert.deepEqual(
    (await anchors(made)).map((anchor: Json) => anchor.fingerprint),
    [own.added[0].fingerprint],
  );
});
