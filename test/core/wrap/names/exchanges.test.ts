import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Exchanges } from '../../../../src/core/wrap/names/exchanges.ts';
import { dnsTypes, encodeMessage, record } from './dns-encoding.ts';

const question = ['a.example', dnsTypes.a] as const;
const answers = [record.a('a.example', '192.0.2.1')];
const asked = (id: number) => encodeMessage({ id, question });
const answer = (id: number) => encodeMessage({ id, response: true, question, answers });

test('an answer to a question that was asked counts, once', () => {
  const exchanges = new Exchanges();
  exchanges.asked('one', asked(1));
  assert.equal(exchanges.answered('one', answer(1))?.records.length, 1);
  assert.equal(exchanges.answered('one', answer(1)), undefined);
});

test('an answer under another number, from elsewhere, or to another question is nobody’s', () => {
  const exchanges = new Exchanges();
  exchanges.asked('one', asked(1));
  assert.equal(exchanges.answered('one', answer(2)), undefined);
  assert.equal(exchanges.answered('two', answer(1)), undefined);
  const other = encodeMessage({ id: 1, response: true, question: ['b.example', 1], answers });
  assert.equal(exchanges.answered('one', other), undefined);
});

test('a failure teaches nothing', () => {
  const exchanges = new Exchanges();
  exchanges.asked('one', asked(1));
  const failure = encodeMessage({ id: 1, response: true, code: 3, question, answers });
  assert.equal(exchanges.answered('one', failure), undefined);
});

test('questions without an answer are bounded', () => {
  const exchanges = new Exchanges(2);
  for (const id of [1, 2, 3]) exchanges.asked('one', asked(id));
  assert.equal(exchanges.answered('one', answer(1)), undefined);
  assert.ok(exchanges.answered('one', answer(3)));
});
