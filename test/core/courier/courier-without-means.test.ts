import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../../src/client/index.ts';
import { Courier } from '../../../src/core/courier/courier.ts';
import { PoolLink } from '../../../src/core/tunnel/pool-link.ts';
import { Pool } from '../../programs/stage/pool.ts';
import { skip, withoutThreads } from '../../without-threads.ts';

test('without means for a thread there is no courier, and the pool is asked for none', {
  skip,
}, async () => {
  await using pool = await Pool.serving([]);
  let connections = 0;
  const link = await PoolLink.open(() => {
    connections += 1;
    return connect({ socket: pool.socket });
  });
  assert.equal(await withoutThreads(() => Courier.open(link)), undefined);
  assert.equal(connections, 1);

  const courier = await Courier.open(link);
  assert.ok(courier);
  courier[Symbol.dispose]();
  link.close();
});
