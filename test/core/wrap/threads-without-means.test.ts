import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../../src/client/index.ts';
import { Courier } from '../../../src/core/courier/courier.ts';
import { PoolLink } from '../../../src/core/tunnel/pool-link.ts';
import { Departures } from '../../../src/core/wrap/client/departures.ts';
import { Pool } from '../../programs/stage/pool.ts';
import { skip, withoutThreads } from '../../without-threads.ts';

/** What brings connections to the pool by a thread, where there are means for one. */
const kinds = [Courier, Departures];

test('without means for a thread none brings connections to the pool, and it is asked for no more', {
  skip,
}, async () => {
  await using pool = await Pool.serving([]);
  let connections = 0;
  const link = await PoolLink.open(() => {
    connections += 1;
    return connect({ socket: pool.socket });
  });
  const opening = withoutThreads(() => kinds.map((kind) => kind.open(link)));
  assert.deepEqual(await Promise.all(opening), [undefined, undefined]);
  assert.equal(connections, 1);

  for (const kind of kinds) {
    const opened = await kind.open(link);
    assert.ok(opened, kind.name);
    opened[Symbol.dispose]();
  }
  link.close();
});
