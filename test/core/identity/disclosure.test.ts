import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { Disclosure } from '../../../src/core/identity/disclosure.ts';
import { outcomeFor } from '../../../src/core/identity/disclosure-outcome.ts';
import { formatDonai, parseDonai } from '../../../src/core/identity/donai.ts';
import { formatSelector, matches, parseSelector } from '../../../src/core/identity/selector.ts';
import { disclose, withhold } from '../../../src/core/identity/stored-disclosure.ts';
import { openStore, type Store } from '../../../src/core/store/store.ts';

const folder = mkdtempSync(join(tmpdir(), 'tlspool-disclosure-'));
let store: Store;
before(async () => {
  store = await openStore(join(folder, 'state'), 'create');
});
after(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

type Entry = readonly [remote: string, local: string, where?: 'first' | 'last' | 'move-first'];

async function disclosing(...entries: readonly Entry[]): Promise<Disclosure> {
  await store.db.deleteFrom('disclosures').execute();
  await store.transaction(async (transaction) => {
    for (const [remote, local, where = 'last'] of entries) {
      const place = where === 'last' ? 'last' : 'first';
      const how = { place, move: where === 'move-first' } as const;
      await disclose(transaction, parseSelector(remote), parseDonai(local), how);
    }
  });
  const disclosure = new Disclosure(store);
  await disclosure.refresh();
  return disclosure;
}

function locals(disclosure: Disclosure, remote: string): string[] | undefined {
  return disclosure.find(parseDonai(remote))?.locals.map(formatDonai);
}

test('the most specific selector counts, and others are not looked at', async () => {
  const disclosure = await disclosing(
    ['.', 'me@home.example'],
    ['.example.com', 'john@example.com'],
    ['imap.example.com', 'mail@example.com'],
  );
  assert.deepEqual(locals(disclosure, 'imap.example.com'), ['mail@example.com']);
  assert.deepEqual(locals(disclosure, 'www.example.com'), ['john@example.com']);
  assert.deepEqual(locals(disclosure, 'example.com'), ['me@home.example']);
  assert.equal(locals(disclosure, 'mary@example.com'), undefined);
});

test('local identities keep their order; they are put first, last, and moved', async () => {
  const entries: Entry[] = [
    ['example.com', 'a@x.example'],
    ['example.com', 'b@x.example'],
    ['example.com', 'c@x.example', 'first'],
    ['example.com', 'a@x.example', 'first'],
  ];
  assert.deepEqual(locals(await disclosing(...entries), 'example.com'), [
    'c@x.example',
    'a@x.example',
    'b@x.example',
  ]);
  const moved = await disclosing(...entries, ['example.com', 'b@x.example', 'move-first']);
  assert.deepEqual(locals(moved, 'example.com'), ['b@x.example', 'c@x.example', 'a@x.example']);
});

test('what is taken away is gone at the next refresh, and the empty table says so', async () => {
  const disclosure = await disclosing(['.', 'a@x.example'], ['.', 'b@x.example']);
  await store.transaction((t) => withhold(t, parseSelector('.'), parseDonai('a@x.example')));
  await disclosure.refresh();
  assert.deepEqual(locals(disclosure, 'example.com'), ['b@x.example']);
  assert.equal(await store.transaction((t) => withhold(t, parseSelector('.'), undefined)), 1);
  await disclosure.refresh();
  assert.ok(disclosure.isEmpty);
  await assert.rejects(
    store.transaction((t) => withhold(t, parseSelector('.'), undefined)),
    { code: 'no-disclosure' },
  );
});

test('a look-up finds what matching all entries one by one would find', async () => {
  const label = fc.constantFrom('a', 'b', 'example', 'com');
  const domain = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
  const user = fc.option(fc.constantFrom('john', 'mary'), { nil: undefined });
  const id = fc
    .tuple(user, domain)
    .map(([name, at]) => (name === undefined ? at : `${name}@${at}`));
  const pattern = fc.oneof(
    domain,
    domain.map((text) => `.${text}`),
    fc.constant('.'),
  );
  const selector = fc
    .tuple(fc.option(fc.constantFrom('', 'john', 'mary'), { nil: undefined }), pattern)
    .map(([name, at]) => (name === undefined ? at : `${name}@${at}`));
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(selector, { maxLength: 12 }), id, async (remotes, remote) => {
      const disclosure = await disclosing(
        ...remotes.map((each, at): Entry => [each, `user${at}@x.example`]),
      );
      const matching = remotes.filter((each) => matches(parseSelector(each), parseDonai(remote)));
      // Fewer labels dropped is more specific; with as many, the one that names the user.
      const rank = (text: string) => {
        const { user: name, domain: at } = parseSelector(text);
        const kept = at === '.' ? -1 : at.split('.').filter(Boolean).length;
        return [at.startsWith('.') ? kept : 1_000, name === '' || name === undefined ? 0 : 1];
      };
      const best = matching.sort((one, other) => {
        const [[k1 = 0, u1 = 0], [k2 = 0, u2 = 0]] = [rank(one), rank(other)];
        return k2 - k1 || u2 - u1;
      })[0];
      const found = disclosure.find(parseDonai(remote));
      assert.equal(
        found && formatSelector(found.remote),
        best && formatSelector(parseSelector(best)),
      );
      assert.equal(disclosure.matching(parseDonai(remote)).length, matching.length);
    }),
    { numRuns: 60 },
  );
});

test('an outcome says what is shown and why', async () => {
  const disclosure = await disclosing(['.example.com', 'john@example.com']);
  const known = (id: { user?: string | undefined }) =>
    id.user === 'john' ? { donai: parseSelector('john@example.com'), credentials: [] } : undefined;
  const outcome = outcomeFor(parseDonai('imap.example.com'), undefined, disclosure, known);
  assert.equal(outcome.shown, 'john@example.com');
  assert.deepEqual(
    outcome.steps.map(({ selector, counts }) => [selector, counts]),
    [
      ['imap.example.com', false],
      ['.example.com', true],
      ['.com', false],
      ['.', false],
    ],
  );
  const mary = parseDonai('mary@example.com');
  const refused = outcomeFor(parseDonai('imap.example.com'), mary, disclosure, known);
  assert.equal(refused.shown, null);
  assert.match(refused.reason, /not disclosed/);
  assert.match(
    outcomeFor(parseDonai('example.org'), undefined, disclosure, known).reason,
    /no entry/,
  );
});
