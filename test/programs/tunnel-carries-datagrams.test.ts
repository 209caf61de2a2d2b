import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { after, before, test } from 'node:test';
import { event } from '../patience.ts';
import { EchoingDatagrams } from './stage/echoing-datagrams.ts';
import { Pool } from './stage/pool.ts';
import { Running } from './stage/running.ts';
import { tunnelled } from './stage/wrapped.ts';

let pool: Pool;
let plainServer: EchoingDatagrams;

before(async () => {
  pool = await Pool.serving([['localhost']]);
  plainServer = await EchoingDatagrams.start();
});

after(async () => {
  plainServer[Symbol.dispose]();
  await pool[Symbol.asyncDispose]();
});

/** A tunnel with DTLS in front of the plain server. */
function inFront() {
  return tunnelled(pool, '--udp', '--connect', plainServer.address);
}

/** OpenSSL's client says a word to a tunnel, and hears it in capitals. */
async function talk(address: string, word: string): Promise<void> {
  const args = ['s_client', '-dtls1_2', '-quiet', '-connect', address];
  const checks = ['-CAfile', pool.caFile, '-verify_return_error', '-verify_hostname', 'localhost'];
  await using client = new Running('openssl', [...args, ...checks], { stdio: 'pipe' });
  client.child.stdin?.write(`${word}\n`);
  await client.printing(new RegExp(word.toUpperCase()));
}

test('openssl s_client talks through a tunnel to a server of datagrams', async () => {
  const { running, port } = await inFront();
  await using _tunnel = running;
  for (const word of ['first', 'second']) await talk(`127.0.0.1:${port}`, word);
});

test('a tunnel at all addresses of the machine answers from the one that it was asked at', async () => {
  const target = plainServer.address;
  await using tunnel = pool.start('tunnel', '--udp', '--accept', '*:0', '--connect', target);
  const [, port] = await tunnel.saying(/tlspool tunnel: .*?\[::\]:(\d+)/);
  for (const host of ['127.0.0.1', '127.0.0.9', '[::1]']) await talk(`${host}:${port}`, 'word');
});

test('datagrams go through two tunnels, each program with a session of its own', async () => {
  const { running: outer, port: outerPort } = await inFront();
  await using _outer = outer;
  const { running: inner, port } = await tunnelled(
    pool,
    ...['--udp', '--client', '--connect', `localhost:${outerPort}`],
  );
  await using _inner = inner;
  const programs = [createSocket('udp4'), createSocket('udp4'), createSocket('udp4')];
  try {
    for (const [number, program] of programs.entries()) {
      // Datagrams may be lost: what gets no answer is said again.
      const repeat = setInterval(() => program.send(`program ${number}`, port, '127.0.0.1'), 200);
      try {
        const [answer] = await event(program, 'message');
        assert.equal(String(answer), `PROGRAM ${number}`);
      } finally {
        clearInterval(repeat);
      }
    }
    const { sessions } = JSON.parse(await pool.command('sessions', 'list', '--json')) as {
      sessions: { role: string; version: string }[];
    };
    const clients = sessions.filter(({ role }) => role === 'client');
    assert.equal(clients.length, programs.length);
    assert.ok(clients.every(({ version }) => version === 'DTLSv1.2'));
  } finally {
    for (const program of programs) program.close();
  }
});

test('a port that another program has is not taken', async () => {
  const taken = plainServer.address;
  const tunnel = pool.start('tunnel', '--udp', '--accept', taken, '--connect', '127.0.0.1:9');
  assert.equal(await tunnel.ended, 1);
  assert.match(tunnel.stderr, /cannot listen on 127\.0\.0\.1/);
});
