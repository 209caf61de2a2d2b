import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { closeSession, reviewSessions } from '../../../src/client/administration.ts';
import {
  Administration,
  type AdministrationParts,
} from '../../../src/core/server/administration.ts';
import { silentLog } from '../../../src/core/telemetry/log.ts';

test('a fault of ours is logged as an error and told of; what a visitor asks wrongly is not', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-administration-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const socket = join(folder, 'pool.sock');
  const errors: object[] = [];
  const administration = Administration.open({
    socket,
    seatGid: () => undefined,
    refresh: () => Promise.reject(new Error('disk I/O error')),
    sessions: { find: () => undefined },
    log: { ...silentLog, error: (fields: object) => errors.push(fields) },
  } as unknown as AdministrationParts);
  t.after(() => administration.close());

  await assert.rejects(closeSession('s-1', { socket }), { code: 'no-session' });
  assert.deepEqual(errors, []);
  const review = async () => {
    for await (const _ of reviewSessions({ socket }));
  };
  await assert.rejects(review(), { code: 'EIO', message: /the pool has a fault; see its log/ });
  assert.deepEqual(
    errors.map((fields) => String((fields as { err?: unknown }).err)),
    ['Error: disk I/O error'],
  );
});
