import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../../../src/client/index.ts';
import { EngineEvents } from '../../../../src/core/engine/events.ts';
import { closeFd, receive, socketPair } from '../../../../src/core/engine/sockets.ts';
import type { DepartureEvent } from '../../../../src/core/engine/types.ts';
import { PoolLink } from '../../../../src/core/tunnel/pool-link.ts';
import { Departures } from '../../../../src/core/wrap/client/departures.ts';
import { Pool } from '../../../programs/stage/pool.ts';

test("an end that comes after its departure was given up is closed, and the program's with it", async (context) => {
  await using pool = await Pool.serving([]);
  const link = await PoolLink.open(() => connect({ socket: pool.socket }));
  context.after(() => link.close());
  const listening = context.mock.method(EngineEvents.instance(), 'onDeparture');
  using opened = await Departures.open(link);
  const [hear] = listening.mock.calls[0]?.arguments ?? [];
  assert.ok(opened && hear);
  const [end, program] = socketPair();
  context.after(() => closeFd(program));
  // The first that this process has, and a number that none of its departures has any more.
  const late: DepartureEvent = {
    type: 'departures',
    departures: 1,
    kind: 'meet',
    number: 1,
    met: false,
    fd: end,
  };
  hear(late);
  assert.equal(receive(program, Buffer.alloc(1), 0)?.bytes, 0);
});
