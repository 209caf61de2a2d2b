import assert from 'node:assert/strict';
import { fstatSync } from 'node:fs';
import { test } from 'node:test';
import type { PoolSettings } from '../../../src/core/config/settings.ts';
import * as sockets from '../../../src/core/engine/sockets.ts';
import { facilities, POOL_IDENTITY } from '../../../src/core/protocol/flags.ts';
import type { Connection, RawStartTls } from '../../../src/core/server/connection.ts';
import { type Asked, PoolRequests } from '../../../src/core/server/requests.ts';
import type { SessionEngine } from '../../../src/core/session/services.ts';
import type { Log } from '../../../src/core/telemetry/log.ts';

/** A pool that offers these facilities. @param started hears of each STARTTLS */
function pool(offered: number, started: (raw: RawStartTls) => void = () => {}): PoolRequests {
  const sessions = { start: (_connection: Connection, raw: RawStartTls) => started(raw) };
  const settings = () => ({ facilities: offered }) as PoolSettings;
  const asked = { sessions } as unknown as Asked;
  return new PoolRequests(asked, {} as SessionEngine, settings, {} as Log);
}

const ping = (asked: number) =>
  ({ command: 'ping', identity: '20010101me@example.com', facilities: asked >>> 0 }) as const;

test('PING tells what both sides know, and who the pool is', () => {
  const { startTls, startGss, startSsh, extension } = facilities;
  const all = (startTls | startGss | startSsh) >>> 0;
  assert.deepEqual(pool(startTls).ping(ping(all)), {
    command: 'ping',
    identity: POOL_IDENTITY,
    facilities: startTls,
  });
  assert.equal(pool(startTls).ping(ping(startGss)).facilities, 0);
  assert.equal(pool(0).ping(ping(all)).facilities, 0);
  // Ours cannot be denied.
  assert.equal(pool(0).ping(ping(0xffff_ffff)).facilities, extension);
});

test('STARTTLS that the configuration denies is refused, and its socket closed', () => {
  const [ours, theirs] = sockets.socketPair();
  const raw = { requestId: 1, fd: ours } as RawStartTls;
  const refusal = { code: 'facility-starttls' };
  assert.throws(() => pool(0).startTls({} as Connection, raw), refusal);
  assert.throws(() => fstatSync(ours), { code: 'EBADF' });
  assert.throws(() => pool(0).startTls({} as Connection, { ...raw, fd: undefined }), refusal);
  sockets.closeFd(theirs);
});

test('STARTTLS that is offered goes on', () => {
  const heard: RawStartTls[] = [];
  const raw = { requestId: 1, fd: undefined } as RawStartTls;
  pool(facilities.startTls, (each) => heard.push(each)).startTls({} as Connection, raw);
  assert.deepEqual(heard, [raw]);
});
