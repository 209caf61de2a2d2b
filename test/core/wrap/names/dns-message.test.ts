import assert from 'node:assert/strict';
import { SocketAddress } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressFromBytes, parseDnsMessage } from '../../../../src/core/wrap/names/dns-message.ts';
import { dnsTypes, encodeMessage, encodeName, record } from './dns-encoding.ts';

test('a question is read', () => {
  assert.deepEqual(
    parseDnsMessage(encodeMessage({ id: 7, question: ['WWW.Example.com', dnsTypes.a] })),
    {
      id: 7,
      response: false,
      code: 0,
      question: { name: 'www.example.com', type: 1 },
      records: [],
    },
  );
});

test('addresses, aliases, mail exchangers and services are read; other records are passed over', () => {
  const message = parseDnsMessage(
    encodeMessage({
      response: true,
      question: ['a.example', dnsTypes.a],
      answers: [
        record.cname('a.example', 'b.example'),
        { owner: 'b.example', type: dnsTypes.txt, data: Buffer.from('\x02hi') },
        record.a('b.example', '192.0.2.1'),
        record.aaaa('b.example', [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]),
        record.mx('a.example', 'mx.example'),
        record.srv('_imap._tcp.a.example', 'imap.example', 143),
      ],
    }),
  );
  assert.deepEqual(message?.records, [
    { type: 'alias', owner: 'a.example', target: 'b.example' },
    { type: 'address', owner: 'b.example', address: '192.0.2.1' },
    { type: 'address', owner: 'b.example', address: '2001:db8::1' },
    { type: 'mail', owner: 'a.example', target: 'mx.example' },
    { type: 'service', owner: '_imap._tcp.a.example', target: 'imap.example', port: 143 },
  ]);
});

test('records of the authority section are no answer', () => {
  const message = parseDnsMessage(
    encodeMessage({
      response: true,
      question: ['a.example', dnsTypes.a],
      authorities: [record.a('a.example', '192.0.2.1')],
      additional: [record.a('a.example', '192.0.2.2')],
    }),
  );
  assert.deepEqual(message?.records, [
    { type: 'address', owner: 'a.example', address: '192.0.2.2' },
  ]);
});

test('compressed names are followed', () => {
  const head = encodeMessage({ response: true, question: ['www.example.com', dnsTypes.a] });
  head.writeUInt16BE(1, 6);
  // The owner is a pointer to the question's name, in byte 12.
  const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 9]);
  assert.deepEqual(parseDnsMessage(Buffer.concat([head, answer]))?.records, [
    { type: 'address', owner: 'www.example.com', address: '192.0.2.9' },
  ]);
});

test('a pointer to itself, or forwards, is refused', () => {
  for (const target of [12, 14, 200]) {
    const message = Buffer.concat([
      encodeMessage({ question: ['', dnsTypes.a] }).subarray(0, 12),
      Buffer.from([0xc0, target, 0, 1, 0, 1, 0]),
    ]);
    assert.equal(parseDnsMessage(message), undefined);
  }
});

test('a label that no host name can have makes no other name of it', () => {
  const bytes = encodeMessage({ question: ['evilXexample.com', dnsTypes.a] });
  bytes[bytes.indexOf('X')] = '.'.charCodeAt(0);
  assert.equal(parseDnsMessage(bytes)?.question.name, '?.com');
});

test('a name longer than 255 bytes is refused', () => {
  const name = Array.from({ length: 5 }, () => 'x'.repeat(60)).join('.');
  assert.equal(parseDnsMessage(encodeMessage({ question: [name, dnsTypes.a] })), undefined);
});

test('two questions, or none, are no message of ours', () => {
  for (const count of [0, 2]) {
    const bytes = encodeMessage({ question: ['a.example', dnsTypes.a] });
    bytes.writeUInt16BE(count, 4);
    assert.equal(parseDnsMessage(bytes), undefined);
  }
});

test('whatever comes from the network, reading it ends without an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      parseDnsMessage(bytes);
    }),
    { numRuns: 2000 },
  );
});

test('a message that was cut or changed anywhere is read without an exception', () => {
  const whole = encodeMessage({
    response: true,
    question: ['a.example', dnsTypes.a],
    answers: [
      record.cname('a.example', 'b.example'),
      record.a('b.example', '192.0.2.1'),
      record.srv('_x._tcp.a.example', 'c.example', 1),
    ],
  });
  fc.assert(
    fc.property(
      fc.nat(whole.length),
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 }),
      (length, changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        parseDnsMessage(bytes.subarray(0, length));
      },
    ),
    { numRuns: 2000 },
  );
});

test('what is written is read again', () => {
  const label = fc.stringMatching(/^[a-z0-9_-]{1,20}$/);
  const name = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.'));
  fc.assert(
    fc.property(name, fc.nat(0xffff), name, (asked, id, target) => {
      const answers = [record.cname(asked, target)];
      const message = parseDnsMessage(
        encodeMessage({ id, response: true, question: [asked, dnsTypes.aaaa], answers }),
      );
      assert.equal(message?.id, id);
      assert.equal(message?.question.name, asked);
      assert.deepEqual(message?.records, [{ type: 'alias', owner: asked, target }]);
    }),
  );
  assert.equal(encodeName('a').length, 3);
});

test('addresses are written as the system writes them', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constant(0), fc.nat(255)), { minLength: 16, maxLength: 16 }),
      (bytes) => {
        // ::1.2.3.4 and ::ffff:1.2.3.4 are written with dots by the system; no name server is asked for these.
        fc.pre(bytes.slice(0, 10).some((byte) => byte !== 0));
        const text = addressFromBytes(Uint8Array.from(bytes));
        assert.equal(new SocketAddress({ address: text, family: 'ipv6' }).address, text);
      },
    ),
  );
  assert.equal(addressFromBytes(Uint8Array.of(192, 0, 2, 1)), '192.0.2.1');
});
