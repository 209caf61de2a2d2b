import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namedBy } from '../../../src/core/identity/local-name.ts';

test('a wildcard stands for hosts one label more, as in certificates', () => {
  const names = new Set(['.example.com', 'john@example.org']);
  const named = (remoteId: string) => namedBy(names, remoteId);
  assert.deepEqual(
    ['www.example.com', 'mail.example.com', '.example.com', 'john@example.org'].map(named),
    [true, true, true, true],
  );
  const others = [
    'example.com',
    'a.www.example.com',
    'www.example.org',
    'mary@www.example.com',
    '',
  ];
  assert.deepEqual(others.filter(named), []);
});
