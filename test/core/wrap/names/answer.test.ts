import assert from 'node:assert/strict';
import { test } from 'node:test';
import { learnFrom } from '../../../../src/core/wrap/names/answer.ts';
import { parseDnsMessage } from '../../../../src/core/wrap/names/dns-message.ts';
import { dnsTypes, encodeMessage, type Record, record } from './dns-encoding.ts';

function learned(question: [string, number], answers: Record[], additional: Record[] = []) {
  const message = parseDnsMessage(encodeMessage({ response: true, question, answers, additional }));
  assert.ok(message);
  return learnFrom(message);
}

test('the name is the one that was asked for, whatever aliases follow', () => {
  const { names } = learned(
    ['www.example.com', dnsTypes.a],
    [
      record.cname('www.example.com', 'cdn.example.net'),
      record.cname('cdn.example.net', 'node7.example.net'),
      record.a('node7.example.net', '192.0.2.1'),
      record.a('node7.example.net', '192.0.2.2'),
    ],
  );
  assert.deepEqual(names, [{ name: 'www.example.com', addresses: ['192.0.2.1', '192.0.2.2'] }]);
});

test('an address of another name than the question leads to teaches nothing', () => {
  const { names } = learned(
    ['www.example.com', dnsTypes.a],
    [record.a('bank.example', '192.0.2.1')],
  );
  assert.deepEqual(names, []);
});

test('aliases in a circle end', () => {
  const { names } = learned(
    ['a.example', dnsTypes.a],
    [record.cname('a.example', 'b.example'), record.cname('b.example', 'a.example')],
  );
  assert.deepEqual(names, []);
});

test('a mail exchanger goes by its own name', () => {
  const { names } = learned(
    ['example.com', dnsTypes.mx],
    [record.mx('example.com', 'mx.example.net')],
    [record.a('mx.example.net', '192.0.2.5')],
  );
  assert.deepEqual(names, [{ name: 'mx.example.net', addresses: ['192.0.2.5'] }]);
});

test("a service's host is remembered with the domain whose service it is", () => {
  const { services } = learned(
    ['_xmpp-client._tcp.example.com', dnsTypes.srv],
    [
      record.srv('_xmpp-client._tcp.example.com', 'xmpp.example.net', 5222),
      record.srv('_xmpp-client._tcp.example.com', '', 0),
    ],
  );
  assert.deepEqual(services, [{ domain: 'example.com', host: 'xmpp.example.net', port: 5222 }]);
});
