import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { connect } from '../../../src/client/index.ts';
import { dataChannels } from '../../../src/core/starttls/data-channel.ts';
import { type DataOrder, DataTransfer } from '../../../src/core/starttls/data-transfer.ts';
import { within } from '../../patience.ts';
import { Pool } from '../../programs/stage/pool.ts';
import { freePort } from '../../programs/stage/ports.ts';
import { tcpPair } from '../engine/fixture.ts';

const pool = await Pool.serving([]);
const connection = await connect({ socket: pool.socket });
const here = { local: '127.0.0.1', remote: '127.0.0.1' };
const order: Omit<DataOrder, 'by' | 'port'> = {
  pool: connection,
  request: { role: 'server' },
  scope: 'control',
  identities: { localId: '', remoteId: '' },
  control: { peer: here, program: here },
};

after(async () => {
  connection.close();
  await pool[Symbol.asyncDispose]();
});

/** The end of a stream would be that of an empty file. */
function untilReset(program: Socket): Promise<void> {
  const reset = once(program.resume(), 'end').then(
    () => assert.fail('it looks like the end of a file'),
    ({ code }: NodeJS.ErrnoException) => assert.equal(code, 'ECONNRESET'),
  );
  return within('a reset', reset);
}

test('a transfer that never begins is reset at the program', async () => {
  const transfer = new DataTransfer({ ...order, by: 'peer', port: 20 });
  const [peer, program] = await Promise.all([tcpPair(), tcpPair()]);
  const reset = untilReset(program.peer);
  const carried = transfer.carry(peer.fd, program.fd);
  transfer.abandon();
  await assert.rejects(carried, { code: 'starttls-ended' });
  await reset;
  peer.peer.destroy();
});

test('a program whose data connection leads to nobody is reset', async () => {
  const place = dataChannels.open({ ...order, by: 'program', port: await freePort() });
  await untilReset(createConnection(place.port, place.address));
  place.close();
});
