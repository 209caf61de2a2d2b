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

const session = {
  session: '3f9a1c-2b',
  local: 'www.example.com',
  remote: '–',
  cipher: 'TLS_AES_256_GCM_SHA384',
  program: 'nginx[4711]',
};
const columns = ['session', 'local', 'remote', 'cipher', 'program'] as const;
const another = { ...session, session: '3f9a1c-2c', local: 'b.example', program: 'sh[9]' };

test('where it is too wide for the terminal, rows go on in the next line, columns below each other', () => {
  assert.deepEqual(tableLines(columns, [session, another], 40), [
    'SESSION    LOCAL',
    '  CIPHER                  PROGRAM',
    '3f9a1c-2b  www.example.com',
    '  TLS_AES_256_GCM_SHA384  nginx[4711]',
    '3f9a1c-2c  b.example',
    '  TLS_AES_256_GCM_SHA384  sh[9]',
  ]);
});

test('columns that say nothing are left out only where room is short, the first one never', () => {
  const wide = tableLines(columns, [session], 80);
  assert.equal(wide[0], 'SESSION    LOCAL            REMOTE  CIPHER                  PROGRAM');
  const [heading] = tableLines(columns, [session], 65);
  assert.equal(heading, 'SESSION    LOCAL            CIPHER                  PROGRAM');
  assert.deepEqual(tableLines(['a', 'b'], [{ a: '', b: 'longenough' }], 5), [
    'A',
    '  B',
    '',
    '  longenough',
  ]);
});

test('a blank less between columns is better than another line', () => {
  const rows = [{ a: 'abc', b: 'defg', c: 'hi' }];
  assert.deepEqual(tableLines(['a', 'b', 'c'], rows, 11), ['A   B    C', 'abc defg hi']);
});

test('text that fits on no line is broken between words, where it stands', () => {
  const rows = [
    { name: 'r1', rule: 'allow partner@other.example --to intranet.example.com', by: 'root' },
    { name: 'r2', rule: 'deny everyone --to www.example.com', by: '' },
  ];
  assert.deepEqual(tableLines(['name', 'rule', 'by'], rows, 44), [
    'NAME  RULE',
    '  BY',
    'r1    allow partner@other.example --to',
    '      intranet.example.com',
    '  root',
    'r2    deny everyone --to www.example.com',
  ]);
});

test('no cell is cut off, however narrow the terminal', () => {
  const uri = 'pkcs11:token=tlspool;object=www.example.com;type=private';
  for (let room = 1; room < 100; room += 1) {
    const lines = tableLines(['id', 'key'], [{ id: 'www.example.com', key: uri }], room);
    assert.ok(
      lines.some((line) => line.endsWith(uri)),
      `${room} columns`,
    );
    const fits = lines.every((line) => line.length <= room || line.trim().split('  ').length === 1);
    assert.ok(fits, `${room} columns: ${lines.join('\n')}`);
  }
});
