import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { connect } from '../../../../src/client/index.ts';
import { PoolLink } from '../../../../src/core/tunnel/pool-link.ts';
import { Courier } from '../../../../src/core/wrap/courier/courier.ts';
import { Pool } from '../../../programs/stage/pool.ts';

/** Bytes; less than the stack of a thread takes, and enough for what else goes on for a moment. */
const left = 4 * 2 ** 20;

/** Bytes of address space that this process has. */
function occupied(): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(/^VmSize:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** @param soft bytes, or `unlimited` */
function limitAddressSpace(soft: number | string): void {
  execFileSync('prlimit', ['--pid', String(process.pid), `--as=${soft}:`]);
}

const skip =
  process.env.TLSPOOL_ENGINE?.includes('san') === true && 'a sanitizer needs address space itself';

// By itself in this file: a thread that ended would leave its stack to the next one.
test('without means for another thread there is no courier, and the pool is asked for none', {
  skip,
}, async () => {
  await using pool = await Pool.serving([]);
  let connections = 0;
  const link = await PoolLink.open(() => {
    connections += 1;
    return connect({ socket: pool.socket });
  });
  limitAddressSpace(occupied() + left);
  const opening = Courier.open(link);
  limitAddressSpace('unlimited');
  assert.equal(await opening, undefined);
  assert.equal(connections, 1, 'the pool was asked for nothing');

  const courier = await Courier.open(link);
  assert.ok(courier);
  courier[Symbol.dispose]();
  link.close();
});
