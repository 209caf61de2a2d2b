import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { TlspoolError } from '../../../src/core/errors.ts';
import { Complaints } from '../../../src/core/tunnel/complaints.ts';

test('of many failures alike the first is told, then their number', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const lines: string[] = [];
  const complaints = new Complaints((line) => lines.push(line), 1_000);
  const refused = new TlspoolError('target-unreachable', 'cannot connect', { hint: 'Start it.' });
  for (let count = 0; count < 5; count++) complaints.add('web', refused);
  complaints.add('mail', refused);
  complaints.add('', new TlspoolError('other', 'something else'));
  assert.deepEqual(lines.splice(0), [
    'web: cannot connect. Start it.',
    'mail: cannot connect. Start it.',
    'something else',
  ]);
  mock.timers.tick(1_000);
  assert.deepEqual(lines.splice(0), ['web: 4 more of target-unreachable']);
  complaints.add('web', refused);
  assert.deepEqual(lines, ['web: cannot connect. Start it.']);
  mock.timers.reset();
});

test('with many things failing at once, those beyond are counted by what they have in common', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const lines: string[] = [];
  const complaints = new Complaints((line) => lines.push(line), 1_000);
  const refused = new TlspoolError('target-unreachable', 'cannot connect');
  for (let count = 0; count < 100; count++) complaints.add(`server ${count}`, refused);
  assert.equal(lines.length, 64);
  mock.timers.tick(1_000);
  assert.deepEqual(lines.slice(64), ['36 more of target-unreachable']);
  complaints.add('server 99', refused);
  assert.equal(lines.at(-1), 'server 99: cannot connect');
  mock.timers.reset();
});
