import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { TlspoolError } from '../../../src/core/errors.ts';
import { LateAnswer } from '../../../src/core/session/late-answer.ts';
import type { RenewedSession } from '../../../src/core/session/renewed-session.ts';
import type { Requester } from '../../../src/core/session/requester.ts';

/** A session whose server asks while the store is read; what comes of it is kept. */
function asked() {
  const { promise: refreshed, resolve: refresh } = Promise.withResolvers<void>();
  const done: string[] = [];
  const session = {
    facts: {},
    admission: {},
    engineId: 1,
    agreed: { localId: '', serverName: '' },
    origin: { localIdCheck: false },
    audit: { notShown: () => done.push('not shown'), fault: () => done.push('fault') },
    services: {
      knowledge: { refresh: () => refreshed },
      engine: {
        certificates: async () => {
          throw new TlspoolError('no-session', 'it has ended');
        },
        chooseLocal: () => done.push('answered'),
      },
    },
  } as unknown as RenewedSession;
  const answer = new LateAnswer({} as Requester, session);
  answer.start();
  const settled = async () => {
    refresh();
    for (let i = 0; i < 4; i += 1) await turn();
    return done;
  };
  return { answer, settled };
}

test('a server whose question comes to nothing gets an empty answer, and that is written down', async () => {
  const { settled } = asked();
  assert.deepEqual(await settled(), ['not shown', 'answered']);
});

test('a session that ends meanwhile is answered no more, and nothing is said of it', async () => {
  const { answer, settled } = asked();
  answer.ended();
  assert.deepEqual(await settled(), []);
});
