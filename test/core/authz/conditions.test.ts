import assert from 'node:assert/strict';
import { isIPv4, isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  contains,
  PrefixTable,
  parseClientAddress,
  parsePrefix,
} from '../../../src/core/authz/address-prefix.ts';
import { isWithin, parseHours } from '../../../src/core/authz/hours.ts';
import { quoted } from '../../../src/core/authz/rule.ts';
import { RuleError } from '../../../src/core/authz/rule-error.ts';
import { shellWords } from '../../../src/core/authz/shell-words.ts';
import { formatWho, parseWho } from '../../../src/core/authz/who.ts';

const address = fc.oneof(fc.ipV4(), fc.ipV6());

test('an address is in the block of itself, and in every shorter one', () => {
  fc.assert(
    fc.property(address, fc.nat(128), (text, bits) => {
      const words = parseClientAddress(text);
      assert.ok(words, text);
      const width = isIPv4(text) ? 32 : 128;
      assert.ok(contains(parsePrefix(text), words));
      const length = Math.min(bits, width);
      const block = blockOf(text, length);
      assert.ok(contains(parsePrefix(block), words), block);
      assert.equal(parsePrefix(parsePrefix(block).text).text, parsePrefix(block).text);
    }),
  );
});

/** What the error for an address with host bits says to write instead. */
function blockOf(text: string, length: number): string {
  try {
    return parsePrefix(`${text}/${length}`).text;
  } catch (error) {
    assert.ok(error instanceof RuleError);
    return /Say (.*)\.$/.exec(error.hint ?? '')?.[1] ?? assert.fail(error.message);
  }
}

test('a table finds just the blocks that hold an address', () => {
  const block = fc
    .tuple(address, fc.nat(32))
    .map(([text, length]) => parsePrefix(blockOf(text, length)));
  fc.assert(
    fc.property(fc.array(block), address, (blocks, text) => {
      const words = parseClientAddress(text);
      assert.ok(words);
      const table = new PrefixTable<string>();
      for (const one of blocks) table.at(one, () => one.text);
      const expected = new Set(blocks.filter((one) => contains(one, words)).map((one) => one.text));
      assert.deepEqual(new Set(table.holding(words)), expected);
    }),
  );
});

test('clients are known with and without their port, and IPv4 is the same when it is mapped', () => {
  for (const [one, other] of [
    ['192.0.2.1', '192.0.2.1:4711'],
    ['2001:db8::1', '[2001:db8::1]:4711'],
    ['192.0.2.1', '::ffff:192.0.2.1'],
    ['192.0.2.1', '[::ffff:c000:201]:25'],
  ] as const) {
    assert.deepEqual(parseClientAddress(one), parseClientAddress(other));
  }
  for (const none of ['', '/run/socket', 'host:25', 'fe80::1%eth0', '1.2.3']) {
    assert.equal(parseClientAddress(none), undefined, none);
  }
});

test('what is no block of addresses is refused', () => {
  for (const text of [
    '',
    '192.0.2.0/33',
    '192.0.2.0/',
    '192.0.2.0/24/8',
    '2001:db8::/129',
    'x/8',
  ]) {
    assert.throws(() => parsePrefix(text), RuleError, text);
  }
  assert.throws(() => parsePrefix('192.0.2.1/24'), { hint: 'Say 192.0.2.0/24.' });
  fc.assert(
    fc.property(fc.string(), (text) => {
      if (!isIPv4(text) && !isIPv6(text)) assert.throws(() => parsePrefix(text), RuleError);
    }),
  );
});

test('hours are days, times, or both, by the clock of the machine', () => {
  // 2026-05-06 is a Wednesday.
  const at = (day: number, hour: number, minute = 0) =>
    new Date(2026, 4, 3 + day, hour, minute).getTime();
  const work = parseHours('mon-fri 08:00-18:00');
  assert.ok(isWithin(work, at(3, 8)));
  assert.ok(!isWithin(work, at(3, 18)));
  assert.ok(!isWithin(work, at(6, 12)));
  const night = parseHours('fri 22:00-06:00');
  assert.ok(isWithin(night, at(5, 23)));
  assert.ok(isWithin(night, at(6, 5, 59)), 'the morning after');
  assert.ok(!isWithin(night, at(5, 5)), 'the morning before');
  assert.ok(isWithin(parseHours('sat-mon'), at(0, 0)));
  assert.ok(!isWithin(parseHours('sat-mon'), at(2, 0)));
  for (const text of ['', 'always', 'mon-', '8-18', '25:00-26:00', 'mon 08:00', 'mon tue']) {
    assert.throws(() => parseHours(text), RuleError, text);
  }
});

test('words come back from a line as they were quoted', () => {
  const word = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/[\n\r]/.test(text));
  fc.assert(
    fc.property(fc.array(word), (words) => {
      assert.deepEqual(shellWords(words.map(quoted).join(' ')), words);
    }),
  );
  assert.deepEqual(shellWords('  a "b c" # d'), ['a', 'b c']);
  assert.throws(() => shellWords("a 'b"), RuleError);
});

test('a name without a dot is nobody, and no word of rules is taken for a name', () => {
  for (const word of [
    'authenticated',
    'Anonymous',
    'everyone',
    'group:staff',
    '.example.com',
    '@.',
  ]) {
    assert.equal(formatWho(parseWho(word)), word.toLowerCase());
  }
  assert.throws(() => parseWho('staff'), { hint: /Did you mean group:staff\?/ });
  assert.throws(() => parseWho('john@staff'), { hint: /john@example\.com/ });
  assert.throws(() => parseWho('group:'), RuleError);
  assert.equal(formatWho(parseWho('localhost')), 'localhost');
});
