import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../src/client/index.ts';
import { holdsAsDocumented } from '../commands/documented-results.ts';
import { until } from '../patience.ts';
import { askingPool } from './stage/asking-pool.ts';
import { handedOver, tcpPair } from './stage/handed-over.ts';
import type { Pool } from './stage/pool.ts';
import { runTlspool } from './stage/running.ts';
import { Terminal } from './stage/terminal.ts';

const name = 'www.example.com';
const unhurried = { timeout: Number.POSITIVE_INFINITY };

/** Runs a command, and holds its object against the guide; that it may end with 1 is of no interest here. */
async function holds(pool: Pool, command: string, ...args: readonly string[]): Promise<unknown> {
  const words = [...command.split(' '), ...args, '--json'];
  const { stdout, stderr } = await runTlspool(words, { env: pool.environment });
  assert.notEqual(stdout, '', `${command}: ${stderr}`);
  holdsAsDocumented(command, stdout);
  return JSON.parse(stdout);
}

test('what is said of a running pool, its sessions and the PINs that it waits for is as the guide has it', async () => {
  await using asking = await askingPool([[name]]);
  const { pool, pinFile } = asking;
  await holds(pool, 'ping');
  const program = await connect({ socket: pool.socket });
  try {
    const waiting = handedOver(program, pool, name, unhurried, await tcpPair());
    waiting.catch(() => undefined);
    await until(
      'the PIN is needed',
      async () => JSON.parse(await pinStatus(pool)).needed.length > 0,
    );
    await holds(pool, 'pin status');
    assert.deepEqual(await concerns(pool), ['token-needs-pin']);

    await holds(pool, 'pin enter', 'tlspool', '--from', pinFile);
    assert.deepEqual(await concerns(pool), []);
    using session = await waiting;
    assert.ok(session.session);
    const { sessions } = (await holds(pool, 'sessions list')) as { sessions: { id: string }[] };
    const [first] = sessions;
    assert.ok(first);
    assert.deepEqual(await holds(pool, 'sessions show', first.id), { session: first });
    await holds(pool, 'pin lock', 'tlspool');
    assert.match(await pool.command('status'), /^tlspool +locked by hand /m);
    assert.deepEqual(await concerns(pool), ['token-needs-pin']);
    await using terminal = await Terminal.running(pool, 'pin');
    await terminal.showing(/ready/);
    await holds(pool, 'pin status');
    await holds(pool, 'sessions close', first.id);
  } finally {
    program.close();
  }
});

async function pinStatus(pool: Pool): Promise<string> {
  return (await runTlspool(['pin', 'status', '--json'], { env: pool.environment })).stdout;
}

async function concerns(pool: Pool): Promise<readonly string[]> {
  const status = (await holds(pool, 'status')) as { concerns: { code: string }[] };
  return status.concerns.map(({ code }) => code);
}
