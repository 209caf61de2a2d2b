import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mostHeld, RecentWays } from '../../../src/core/tunnel/recent-ways.ts';

const way = { remote: Buffer.from('theirs'), local: Buffer.from('ours') };
const other = { remote: way.local, local: way.remote };

test('a way is known until the socket was empty', () => {
  const ways = new RecentWays();
  assert.equal(ways.has(way), false);
  ways.add(way);
  assert.ok(ways.has({ remote: Buffer.from('theirs'), local: Buffer.from('ours') }));
  assert.equal(ways.has(other), false);
  ways.clear();
  assert.equal(ways.has(way), false);
});

test('a way is known while the socket may hold something of it, and not for ever in one that is never empty', () => {
  for (const before of [0, 1, mostHeld - 1]) {
    const ways = new RecentWays();
    for (let read = 0; read < before; read++) ways.count();
    ways.add(way);
    for (let read = 0; read < mostHeld; read++) {
      assert.ok(ways.has(way));
      ways.count();
    }
    for (let read = 0; read < mostHeld; read++) ways.count();
    assert.equal(ways.has(way), false);
  }
});
