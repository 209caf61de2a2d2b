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
  const asJohn = await johnsOptions(pool);
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

test('a client that shows its certificate, and waits with the rest until it is revoked, is refused', async () => {
  await using pool = await Pool.serving([[name]]);
  const asJohn = await johnsOptions(pool);
  const program = await connectPool({ socket: pool.socket });
  try {
    const [fd, theirs] = socketPair();
    const [ours, clients] = socketPair();
    const outcome = attempt(program, { fd, role: 'server', localId: name });
    const line = heldBack(new Socket({ fd: ours }), new Socket({ fd: theirs }));
    const client = connectTls({ ...asJohn, socket: new Socket({ fd: clients }) });
    client.on('error', () => undefined).resume();
    await line.held;
    await pool.command('ca', 'revoke', john, '--apply-to-open');
    line.release();
    const late = await outcome;
    assert.match('refused' in late ? late.refused : 'welcome', /the local CA revoked it/);
    client.destroy();
  } finally {
    program.close();
  }
});

test('a session whose program takes its time is open to be ended', async () => {
  await using pool = await Pool.serving([[name]]);
  const asJohn = await johnsOptions(pool);
  const program = await connectPool({ socket: pool.socket });
  const asked = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  try {
    const [fd, theirs] = socketPair();
    const outcome = program.startTls({
      fd,
      role: 'server',
      localId: name,
      plain: async () => {
        asked.resolve();
        await gate.promise;
        return socketPair()[0];
      },
    });
    const refused = assert.rejects(outcome, /the pool ends its sessions/);
    const client = connectTls({ ...asJohn, socket: new Socket({ fd: theirs }) });
    client.on('error', () => undefined).resume();
    await asked.promise;
    const said = await pool.command('authz', 'deny', john, '--to', '.', '--apply-to-open');
    assert.match(said, /1 open session ended/);
    const mary = ['mary@example.com', '--to', '.', '--apply-to-open'];
    assert.match(await pool.command('authz', 'deny', ...mary), /0 open sessions ended/);
    gate.resolve();
    await refused;
    client.destroy();
  } finally {
    gate.resolve();
    program.close();
  }
});

async function johnsOptions(pool: Pool): Promise<ConnectionOptions> {
  const p12 = join(pool.folder, 'john.p12');
  const issue = ['ca', 'issue', john, '--p12', p12, '--unsafe-key-outside-token', '--json'];
  const { passphraseFile } = JSON.parse(await pool.command(...issue));
  return {
    pfx: readFileSync(p12),
    passphrase: readFileSync(passphraseFile, 'utf8').trim(),
    ca: readFileSync(pool.caFile),
    servername: name,
  };
}

/** Carries both ways, of the client's encrypted records (RFC 8446 section 5.1) only the first until it is released. */
function heldBack(client: Socket, server: Socket): { held: Promise<void>; release(): void } {
  const held = Promise.withResolvers<void>();
  const headerLength = 5;
  let waiting = Buffer.alloc(0);
  let [encrypted, released] = [0, false];
  const forward = () => {
    while (waiting.length >= headerLength) {
      const length = headerLength + waiting.readUInt16BE(3);
      if (waiting.length < length) return;
      if (waiting[0] === 23 && encrypted === 1 && !released) {
        held.resolve();
        return;
      }
      if (waiting[0] === 23) encrypted += 1;
      server.write(waiting.subarray(0, length));
      waiting = waiting.subarray(length);
    }
  };
  client.on('data', (data: Buffer) => {
    waiting = Buffer.concat([waiting, data]);
    forward();
  });
  server.on('data', (data) => client.write(data));
  for (const end of [client, server]) end.on('error', () => undefined);
  client.on('close', () => server.destroy());
  server.on('close', () => client.destroy());
  return {
    held: held.promise,
    release: () => {
      released = true;
      forward();
    },
  };
}

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
