import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { status } from '../../src/client/administration.ts';
import { connect as connectPool, type PoolConnection } from '../../src/client/index.ts';
import { socketPair } from '../../src/core/engine/sockets.ts';
import { event, until } from '../patience.ts';
import { type Attempt, attempt } from './stage/attempt.ts';
import { name } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';

const john = 'john@example.com';

test('a client that connects, waits and is revoked meanwhile is refused, with a session to resume too', async () => {
  await using pool = await Pool.serving([[name]]);
  const p12 = join(pool.folder, 'john.p12');
  const issue = ['ca', 'issue', john, '--p12', p12, '--unsafe-key-outside-token', '--json'];
  const { passphraseFile } = JSON.parse(await pool.command(...issue));
  const asJohn = {
    pfx: readFileSync(p12),
    passphrase: readFileSync(passphraseFile, 'utf8').trim(),
    ca: readFileSync(pool.caFile),
    servername: name,
  };
  const program = await connectPool({ socket: pool.socket });
  try {
    const first = connection(program);
    const client = first.begin(asJohn);
    const ticket = event(client, 'session');
    const known = await first.outcome;
    assert.ok('session' in known && known.session.remoteId === john);
    // The ticket comes with the program's first bytes.
    known.plain.end('welcome');
    const [session] = (await ticket) as [Buffer];
    client.destroy();

    const [waiting, resuming] = [connection(program), connection(program)];
    await until('both are waited for', async () => {
      const { sessionsTotal } = await status({ socket: pool.socket });
      return sessionsTotal === 3;
    });
    await pool.command('ca', 'revoke', john);
    const clients = [waiting.begin(asJohn), resuming.begin({ ...asJohn, session })];
    const [full, resumed] = await Promise.all([waiting.outcome, resuming.outcome]);
    assert.match('refused' in full ? full.refused : 'welcome', /the local CA revoked it/);
    assert.match('refused' in resumed ? resumed.refused : 'welcome', /is not accepted/);
    for (const each of clients) each.destroy();
  } finally {
    program.close();
  }
});

/** A connection that the pool has, and whose client takes its time. */
function connection(program: PoolConnection): {
  readonly outcome: Promise<Attempt>;
  begin(options: ConnectionOptions): TLSSocket;
} {
  const [fd, theirs] = socketPair();
  return {
    outcome: attempt(program, { fd, role: 'server', localId: name }),
    begin: (options) => {
      const client = connectTls({ ...options, socket: new Socket({ fd: theirs }) });
      client.on('error', () => undefined).resume();
      return client;
    },
  };
}
