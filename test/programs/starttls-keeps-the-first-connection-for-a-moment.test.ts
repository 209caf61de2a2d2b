import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { name } from './stage/clients.ts';
import { PlainServer } from './stage/plain-server.ts';
import { Pool } from './stage/pool.ts';
import { run } from './stage/running.ts';
import { tunnelled } from './stage/wrapped.ts';

let pool: Pool;
before(async () => {
  pool = await Pool.serving([[name]]);
});
after(() => pool[Symbol.asyncDispose]());

/** What a client of mail sees of a program that is connected to a second time for what comes inside TLS. */
async function seenBySwaks(server: PlainServer): Promise<string> {
  await using served = await tunnelled(pool, '--starttls', 'smtp', '--connect', server.address);
  const where = ['--server', '127.0.0.1', '--port', `${served.port}`];
  const { stdout } = await run('swaks', [...where, '--tls', '--quit-after', 'HELO']);
  return stdout + served.running.stderr;
}

/** A server that says what number the connection has. */
function greet(socket: Socket, number: number): void {
  socket.write(`220 number ${number}\r\n`);
  socket.on('data', (said) => {
    socket.write(String(said).startsWith('QUIT') ? '221 bye\r\n' : `250 number ${number}\r\n`);
  });
}

test('the first connection ends when the program has spoken on the second, not while it accepts that', async () => {
  const told: string[] = [];
  await using server = await PlainServer.start((socket) => {
    const number = server.open;
    told.push(`${number} begins`);
    socket.on('end', () => {
      told.push(`${number} ends`);
      socket.end();
    });
    greet(socket, number);
  });
  assert.match(await seenBySwaks(server), /~> EHLO .*\n<~ {2}250 number 2\n/);
  assert.deepEqual(told.slice(0, 3), ['1 begins', '2 begins', '1 ends']);
});

test('a program that serves one client after the other is not waited for in vain', async () => {
  const waiting: Socket[] = [];
  let count = 0;
  const serveNext = () => {
    const [socket] = waiting;
    if (socket === undefined) return;
    greet(socket, ++count);
    socket.on('end', () => {
      socket.end();
      waiting.shift();
      serveNext();
    });
  };
  await using server = await PlainServer.start((socket) => {
    if (waiting.push(socket) === 1) serveNext();
  });
  assert.match(await seenBySwaks(server), /~> EHLO .*\n<~ {2}250 number 2\n/);
});
