import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../../../src/client/index.ts';
import { PoolLink } from '../../../../src/core/tunnel/pool-link.ts';
import { Departures } from '../../../../src/core/wrap/client/departures.ts';
import { Pool } from '../../../programs/stage/pool.ts';
import { skip, withoutThreads } from '../../../without-threads.ts';

test('without means for a thread connections are brought to the pool without one, and it is asked for no more', {
  skip,
}, async () => {
  await using pool = await Pool.serving([]);
  let connections = 0;
  const link = await PoolLink.open(() => {
    connections += 1;
    return connect({ socket: pool.socket });
  });
  assert.equal(await withoutThreads(() => Departures.open(link)), undefined);
  assert.equal(connections, 1);

  const departures = await Departures.open(link);
  assert.ok(departures);
  departures[Symbol.dispose]();
  link.close();
});
