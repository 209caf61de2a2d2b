import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { parseDonai } from '../../../src/core/identity/donai.ts';
import { formatSelector, parseSelector, walk } from '../../../src/core/identity/selector.ts';
import { lidEntryFlags } from '../../../src/core/protocol/lid-entry.ts';
import type { LidEntry } from '../../../src/core/protocol/message.ts';
import { IdentitySeat, isUsedSilently } from '../../../src/core/server/identity-seat.ts';
import { until, within } from '../../patience.ts';
import { FakeProgram } from './fake-program.ts';

const { skipEntry, skipUser, skipDomainSame, skipDomainOneUp, skipNotRoot } = lidEntryFlags;

/** The disclosure entry of that selector, as found for a remote. */
function entryFor(remote: string, selector: string) {
  const level = walk(parseDonai(remote)).findIndex((step) => formatSelector(step) === selector);
  assert.ok(level >= 0);
  return { remote: parseSelector(selector), level, locals: [parseDonai('me@home.example')] };
}

for (const [flags, selector, silent] of [
  [0, 'john@cs.example.com', false],
  [skipEntry, '@.', true],
  [skipEntry | skipUser, '@cs.example.com', false],
  [skipEntry | skipUser, 'john@.', true],
  [skipEntry | skipDomainSame, 'john@cs.example.com', true],
  [skipEntry | skipDomainSame, '@cs.example.com', true],
  [skipEntry | skipDomainSame, 'john@.example.com', false],
  [skipEntry | skipDomainOneUp, 'john@.example.com', true],
  [skipEntry | skipDomainOneUp, 'john@cs.example.com', false],
  [skipEntry | skipDomainSame | skipDomainOneUp, '@.example.com', true],
  [skipEntry | skipDomainSame | skipDomainOneUp, '@.com', false],
  [skipEntry | skipDomainSame | skipDomainOneUp | skipUser, '@.example.com', false],
  [skipEntry | skipNotRoot, '@.com', true],
  [skipEntry | skipNotRoot, '@.', false],
  [skipDomainSame, 'john@cs.example.com', false],
] as const) {
  test(`with flags 0x${flags.toString(16)} an entry for ${selector} is ${silent ? '' : 'not '}used silently`, () => {
    assert.equal(isUsedSilently(entryFor('john@cs.example.com', selector), flags), silent);
  });
}

/** What a person chose, as the program that asks sends it. */
function chosen(parts: Partial<LidEntry>): LidEntry {
  const base = { command: 'lidEntryCallback', flags: 0, maxLevels: 0, timeout: 0 } as const;
  return { ...base, localId: '', remoteId: '', ...parts };
}

const registration = (flags = 0, timeout = 0): LidEntry => ({
  command: 'lidEntryRegister',
  flags,
  maxLevels: 0,
  timeout,
  localId: '',
  remoteId: '',
});

const facts = {
  id: 's-1',
  role: 'client',
  service: 'imap',
  peerAddress: '192.0.2.1:993',
  openedAt: 0,
  program: {
    pid: 7,
    uid: 0,
    executable: '/usr/bin/mutt',
    gids: [],
    unit: '',
    digest: () => undefined,
  },
} as const;

function questionAbout(remote: string, ...selectors: string[]) {
  const entries = selectors.map((selector) => entryFor(remote, selector));
  return { remoteId: parseDonai(remote), entries, suggestion: entries[0]?.locals[0], facts };
}

const never = new AbortController().signal;

test('entries are told first, then the inquiry comes; the choice may be kept for something more general', async () => {
  const seat = new IdentitySeat(() => ['john@example.com']);
  const program = new FakeProgram<LidEntry>();
  seat.register(program, 1, registration(lidEntryFlags.wantEntries | 0x1000));
  const choice = seat.choose(questionAbout('imap.example.com', '.example.com', '.'), never);
  assert.deepEqual(
    program.called.map(({ flags, maxLevels, localId, remoteId }) => [
      flags,
      maxLevels,
      localId,
      remoteId,
    ]),
    [
      [0x1100, 1, 'me@home.example', '.example.com'],
      [0x1100, 3, 'me@home.example', '.'],
      [0x100, 3, 'me@home.example', 'imap.example.com'],
    ],
  );
  const [view] = seat.view();
  assert.deepEqual(view?.candidates, ['john@example.com']);
  assert.equal(view?.session.program.executable, '/usr/bin/mutt');
  await program.answer(
    chosen({
      localId: 'john@example.com',
      remoteId: '.example.com',
      flags: lidEntryFlags.append,
    }),
  );
  const { localId, remember } = (await choice) ?? {};
  assert.equal(localId?.user, 'john');
  assert.deepEqual(remember && [formatSelector(remember.remote), remember.place, remember.move], [
    '.example.com',
    'last',
    false,
  ]);
  assert.equal(seat.view().length, 0);
});

test('choices are asked one after the other; an answer that cannot be loses the seat and all that wait', async () => {
  const seat = new IdentitySeat(() => []);
  const program = new FakeProgram<LidEntry>();
  seat.register(program, 1, registration());
  const first = seat.choose(questionAbout('a.example.com'), never);
  const second = seat.choose(questionAbout('b.example.com'), never);
  const third = seat.choose(questionAbout('c.example.com'), never);
  assert.equal(program.called.length, 1);
  await program.answer(chosen({}));
  assert.equal((await first)?.localId, undefined);
  assert.equal(program.called.at(-1)?.remoteId, 'b.example.com');
  await program.answer(chosen({ localId: 'john@example.com', remoteId: '.example.org' }));
  assert.equal(await second, undefined);
  assert.equal(await third, undefined);
  assert.match(String(program.told[0]), /more general/);
  assert.equal(seat.holder, undefined);
  assert.ok(!seat.wants(undefined));
});

test('an error withdraws and is answered; a connection that ends leaves nobody waiting', async () => {
  const seat = new IdentitySeat(() => []);
  const program = new FakeProgram<LidEntry>();
  seat.register(program, 1, registration());
  const withdrawn = seat.choose(questionAbout('a.example.com'), never);
  await program.answer({ command: 'error', number: 125, text: '' });
  assert.equal(await withdrawn, undefined);
  assert.deepEqual(program.told, [{ command: 'success' }]);

  seat.register(program, 2, registration());
  assert.throws(() => seat.register(new FakeProgram<LidEntry>(), 1, registration()), {
    code: 'lidentry-not-vacant',
  });
  const lost = seat.choose(questionAbout('a.example.com'), never);
  seat.disconnected(program);
  assert.equal(await lost, undefined);
  seat.register(new FakeProgram<LidEntry>(), 1, registration());
});

test('a session that ends is not asked about, and a late answer renews the offer all the same', async () => {
  const seat = new IdentitySeat(() => []);
  const program = new FakeProgram<LidEntry>();
  seat.register(program, 1, registration());
  const gone = new AbortController();
  const choice = seat.choose(questionAbout('a.example.com'), gone.signal);
  const waiting = seat.choose(questionAbout('b.example.com'), gone.signal);
  gone.abort();
  assert.equal(await choice, undefined);
  assert.equal(await waiting, undefined);
  await program.answer(chosen({ localId: 'john@example.com' }));
  const next = seat.choose(questionAbout('c.example.com'), never);
  assert.equal(program.called.at(-1)?.remoteId, 'c.example.com');
  await program.answer(chosen({ localId: 'john@example.com', remoteId: 'c.example.com' }));
  assert.equal((await next)?.localId?.user, 'john');
});

test('a program that may take for ever is waited for', async () => {
  const seat = new IdentitySeat(() => []);
  const program = new FakeProgram<LidEntry>();
  seat.register(program, 1, registration(0, 0xffff_ffff));
  const choice = seat.choose(questionAbout('a.example.com'), never);
  // A timer that is set for too long ends after a millisecond.
  await pause(20);
  assert.equal(seat.view().length, 1);
  await program.answer(chosen({ localId: 'john@example.com' }));
  assert.equal((await choice)?.localId?.user, 'john');
});

test('where the program does not answer in time, nobody waits for his turn either', async () => {
  const seat = new IdentitySeat(() => []);
  const program = new FakeProgram<LidEntry>();
  seat.register(program, 1, registration(0, 1));
  const [first, second] = ['a.example.com', 'b.example.com'].map((remote) =>
    seat.choose(questionAbout(remote), never),
  );
  assert.equal(await within('the first', first ?? assert.fail()), undefined);
  assert.equal(await within('the second', second ?? assert.fail()), undefined);
  await until('it is overdue', () => !seat.wants(undefined));
  assert.equal(await seat.choose(questionAbout('c.example.com'), never), undefined);
  await program.answer(chosen({ localId: 'john@example.com' }));
  assert.ok(seat.wants(undefined), 'whoever answers after all is there again');
});

test('the remote of an answer may be in other letters', async () => {
  const seat = new IdentitySeat(() => []);
  const program = new FakeProgram<LidEntry>();
  seat.register(program, 1, registration());
  const choice = seat.choose(questionAbout('É@Bücher.example'), never);
  const flags = lidEntryFlags.insert;
  await program.answer(chosen({ localId: 'me@home.example', remoteId: 'É@BÜCHER.example', flags }));
  const { remember } = (await choice) ?? {};
  assert.equal(remember && formatSelector(remember.remote), 'É@xn--bcher-kva.example');
});
