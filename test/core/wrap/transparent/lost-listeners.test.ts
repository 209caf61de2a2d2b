import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { builtLauncher } from '../../../../src/core/engine/launcher.ts';
import { raiseFileLimit } from '../../../../src/core/engine/process.ts';
import * as sockets from '../../../../src/core/engine/sockets.ts';
import { nativeSupervisor } from '../../../../src/core/wrap/supervisor/native.ts';
import { openPrivateNetwork } from '../../../../src/core/wrap/supervisor/private-network.ts';
import { watchLostListeners } from '../../../../src/core/wrap/transparent/lost-listeners.ts';
import { until } from '../../../patience.ts';

before(async () => {
  raiseFileLimit();
  await openPrivateNetwork(builtLauncher);
});

/** Listeners as programs have them, and those that clients come to. */
function listeners(count: number) {
  const outside = Array.from({ length: count }, () => sockets.listenTcp('127.0.0.1', 0));
  const inside = outside.map((fd) => nativeSupervisor().listenInside(fd));
  return {
    cookies: inside.map(({ cookie }) => cookie),
    close: () => {
      for (const { fd } of inside) sockets.closeFd(fd);
    },
    [Symbol.dispose]: () => {
      for (const fd of outside) sockets.closeFd(fd);
    },
  };
}

test('a listener that its program closed is told of, and no other', async () => {
  const lost: number[] = [];
  using _watch = watchLostListeners(
    (cookie) => lost.push(cookie),
    () => assert.fail('nothing was missed'),
  );
  using kept = listeners(1);
  using closed = listeners(2);
  closed.close();
  await until('both are told of', () => lost.length >= 2);
  assert.deepEqual([...lost].sort(), [...closed.cookies].sort());
  kept.close();
});

test('when more are closed at once than the kernel can tell of, that is told', async () => {
  const lost = new Set<number>();
  const later = new Set<number>();
  let missed = 0;
  using _watch = watchLostListeners(
    (cookie) => lost.add(cookie),
    () => {
      missed++;
    },
  );
  await until('some are missed', () => {
    using many = listeners(3_000);
    many.close();
    return missed > 0;
  });
  // Those that follow at once may be missed, too.
  await until('a later one is told of', () => {
    using another = listeners(1);
    for (const cookie of another.cookies) later.add(cookie);
    another.close();
    return [...later].some((cookie) => lost.has(cookie));
  });
});
