import assert from 'node:assert/strict';
import { test } from 'node:test';
import { styleText } from 'node:util';
import { tableLines } from '../../../src/core/cli/table.ts';

test('columns are as wide as their longest cell, the last one is not padded', () => {
  const rows = [
    { name: 'a', where: 'here' },
    { name: 'abcdef', where: 'over there' },
  ];
  assert.deepEqual(tableLines(['name', 'where'], rows), [
    'NAME    WHERE',
    'a       here',
    'abcdef  over there',
  ]);
});

test('colours take no room', () => {
  const red = styleText('red', 'x', { validateStream: false });
  const rows = [
    { a: red, b: '1' },
    { a: 'xyz', b: '2' },
  ];
  assert.deepEqual(tableLines(['a', 'b'], rows), ['A    B', `${red}    1`, 'xyz  2']);
});

test('nothing to list is no heading either', () => {
  assert.deepEqual(tableLines(['a'], []), []);
});
