import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDonai, MAX_LENGTH, parseDonai } from '../../../src/core/identity/donai.ts';
import { DonaiError } from '../../../src/core/identity/donai-error.ts';

const canonical = (text: string) => formatDonai(parseDonai(text));

const accepted: Record<string, string> = {
  'example.com': 'example.com',
  'Example.COM': 'example.com',
  localhost: 'localhost',
  'John@Example.com': 'john@example.com',
  'john.doe+tag@example.com': 'john.doe+tag@example.com',
  '%65@example.com': '%65@example.com',
  '123.example.com': '123.example.com',
  '1.2.com': '1.2.com',
  'r3---sn-4g5.example.com': 'r3---sn-4g5.example.com',
  'bücher.example': 'xn--bcher-kva.example',
  'BÜCHER.example': 'xn--bcher-kva.example',
  'xn--bcher-kva.example': 'xn--bcher-kva.example',
  'XN--BCHER-KVA.example': 'xn--bcher-kva.example',
  'faß.example': 'xn--fa-hia.example',
  'jürgen@example.com': 'jürgen@example.com',
  'ju\u0308rgen@example.com': 'j\u00fcrgen@example.com',
  'JÜRGEN@example.com': 'jÜrgen@example.com',
  '用户@例子.example': '用户@xn--fsqu00a.example',
};
for (const [text, expected] of Object.entries(accepted)) {
  test(`${JSON.stringify(text)} is ${expected}`, () => assert.equal(canonical(text), expected));
}

const refused: Record<string, string> = {
  'an empty text': '',
  'an empty user': '@example.com',
  'an empty domain': 'john@',
  'a selector': '.example.com',
  'two users': 'a@b@example.com',
  'a percent-encoded domain': '%65xample.com',
  'an IPv4 address': '192.0.2.1',
  'a short IPv4 address': '1.2',
  'a hexadecimal IPv4 address': '0x7f.0x1',
  'an IPv6 address': '::1',
  'an IPv6 address in brackets': '[2001:db8::1]',
  'an underscore': '_dmarc.example.com',
  'a wildcard': '*.example.com',
  'a trailing dot': 'example.com.',
  'an empty label': 'a..example.com',
  'a leading hyphen': '-a.example.com',
  'a trailing hyphen': 'a-.example.com',
  'a leading hyphen before Unicode': '-ü.example.com',
  'a label of 64': `${'a'.repeat(64)}.com`,
  'a space': 'exam ple.com',
  'a NUL': 'example.com\0.evil.example',
  'a line end': 'example.com\n',
  'a scheme': 'https://example.com',
  'a port': 'example.com:443',
  'the Kelvin sign in a domain': '\u212aelvin.example',
  'the Kelvin sign in a user': '\u212aelvin@example.com',
  'a fullwidth letter': '\uff45xample.com',
  'an ideographic full stop': 'a\u3002example.com',
  'a soft hyphen that vanishes': 'exam\u00adple.com',
  'a dotless Punycode label that decodes to nothing': 'xn--.com',
  'Punycode of a control character': 'xn--a.com',
  'Punycode of plain ASCII': 'xn--abc-.com',
  'a right-to-left override in a user': 'nhoj\u202e@example.com',
  'a zero-width space in a user': 'jo\u200bhn@example.com',
  'a no-break space in a user': 'jo\u00a0hn@example.com',
  'half a surrogate pair in a user': 'jo\ud800hn@example.com',
  'a quoted user': '"john doe"@example.com',
  'a user with two dots': 'john..doe@example.com',
  'a user that begins with a dot': '.john@example.com',
  'a user with a backslash': 'dom\\john@example.com',
  'a user with a comma': 'a,b@example.com',
};
for (const [what, text] of Object.entries(refused)) {
  test(`${what} is refused`, () => {
    assert.throws(() => parseDonai(text), DonaiError);
  });
}

test('an identity has at most 127 bytes, as the wire has room for', () => {
  const domain = `${'a'.repeat(60)}.example`;
  const longest = `${'u'.repeat(MAX_LENGTH - domain.length - 1)}@${domain}`;
  assert.equal(Buffer.byteLength(canonical(longest)), 127);
  assert.throws(() => parseDonai(`u${longest}`), /128 bytes/);
  assert.throws(() => parseDonai(`${'ü'.repeat(59)}@example.com`), /bytes/);
});

test('messages never carry control characters', () => {
  for (const text of ['a\u001b[2J.com', 'a\u202eb@example.com']) {
    assert.throws(
      () => parseDonai(text),
      (error: Error) => !error.message.includes('\u001b') && !error.message.includes('\u202e'),
    );
  }
});

test('whatever is accepted is canonical: parsing again changes nothing', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom('example', 'com', 'xn--bcher-kva', 'ü', 'A', '\u212a', '@', '.', '-'),
  );
  const text = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
  const isStable = (input: string): boolean => {
    let once: string;
    try {
      once = canonical(input);
    } catch (error) {
      assert.ok(error instanceof DonaiError);
      return true;
    }
    const { user, domain } = parseDonai(once);
    assert.match(domain, /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/);
    assert.ok(user === undefined || !/[@A-Z\s]/.test(user));
    return canonical(once) === once;
  };
  fc.assert(fc.property(text, isStable), { numRuns: 3_000 });
});

test('ASCII letters of either case mean the same', () => {
  const label = fc.stringMatching(/^[a-z][a-z0-9]{0,9}$/);
  const id = fc
    .tuple(fc.option(label), label, label)
    .map(([user, ...labels]) => (user === null ? '' : `${user}@`) + labels.join('.'));
  fc.assert(fc.property(id, (text) => canonical(text.toUpperCase()) === canonical(text)));
});
