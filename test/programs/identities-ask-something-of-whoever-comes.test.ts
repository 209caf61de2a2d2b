import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { connect as connectPool, type PoolConnection } from '../../src/client/index.ts';
import { socketPair } from '../../src/core/engine/sockets.ts';
import { attempt } from './stage/attempt.ts';
import { name } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';

const john = 'john@example.com';

let pool: Pool;
let program: PoolConnection;
before(async () => {
  pool = await Pool.serving([[name], [john, '--role', 'client']]);
  program = await connectPool({ socket: pool.socket });
});
after(async () => {
  program.close();
  await pool[Symbol.asyncDispose]();
});

async function ask(expression: string): Promise<void> {
  await pool.command('trust', 'expression', 'set', expression, '--local-id', name);
  // The daemon looks at its store every few milliseconds.
  await pause(20);
}

/** Whom a server sees that does not care who comes, or why nobody got through. @param localId whom the client shows */
async function comes(localId?: string): Promise<string> {
  const [fd, theirs] = socketPair();
  const flags = { ignoreRemoteId: true };
  const [client, server] = await Promise.all([
    attempt(program, { fd, role: 'client', remoteId: name, localId }),
    attempt(program, { fd: theirs, role: 'server', localId: name, flags }),
  ]);
  for (const side of [client, server]) if ('plain' in side) side.plain.destroy();
  return 'refused' in server ? server.refused : `<${server.session.remoteId}>`;
}

test('an identity that asks for nothing asks nobody', async () => {
  assert.equal(await comes(), '<>');
  assert.equal(await comes(john), '<>');
});

test('what an identity asks of a certificate is asked although the program does not care', async () => {
  await ask('TI&');
  assert.equal(await comes(john), `<${john}>`);
  assert.match(await comes(), /no certificate was shown, and without one TI& is not met/);
});

test('what it asks of the session counts, and no certificate is asked for', async () => {
  await ask('Q');
  assert.equal(await comes(john), '<>');
  assert.equal(await comes(), '<>');
  await ask('Q~');
  assert.match(await comes(), /Q~ is not met/);
  assert.match(await comes(john), /Q~ is not met/);
});
