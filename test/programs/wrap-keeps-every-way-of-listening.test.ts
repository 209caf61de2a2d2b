import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connected, name, readAll } from './stage/clients.ts';
import { build, ListeningPrograms, say } from './stage/listening-programs.ts';
import { freePort } from './stage/ports.ts';
import { tlspoolCommand } from './stage/running.ts';
import { wrappedWhole } from './stage/wrapped.ts';

let programs: ListeningPrograms;
before(async () => {
  programs = await ListeningPrograms.create();
});
after(() => programs[Symbol.asyncDispose]());

test('a listener that epoll watched and that was duplicated before listen()', async () => {
  await using served = await programs.serve('epoll-before-listen.py');
  assert.equal(await say(programs, served.port), 'ok');
  assert.equal(await served.running.ended, 0, served.running.stderr);
});

test('listen() fails where epoll cannot be made to watch the listener', async () => {
  await using running = programs.pool.start(
    'wrap',
    '--',
    ...programs.command('epoll-out-of-reach.py'),
  );
  assert.equal(await running.ended, 0, running.stderr);
  assert.match(
    running.stderr,
    /listen\(\) of .* was refused: .*what watches it, cannot be replaced/,
  );
});

test('flags, options and address stay as they were, listen() may be called again', async () => {
  await using served = await programs.serve('flags-kept.py');
  assert.equal(await say(programs, served.port), 'ok');
  assert.equal(await served.running.ended, 0, served.running.stderr);
});

test('select, poll, epoll and accept() wait for clients as ever', async () => {
  await using served = await programs.serve('ways-of-waiting.py');
  for (let i = 0; i < 5; i++) assert.equal(await say(programs, served.port), `ok ${i}`);
  assert.equal(await served.running.ended, 0, served.running.stderr);
});

test('children, threads, other users in another root, and what is executed are wrapped too', async () => {
  await using served = await programs.serve('many-processes.py');
  for (const who of ['forked', 'threaded', 'unprivileged', 'executed']) {
    assert.equal(await say(programs, served.port), who);
  }
  assert.equal(await served.running.ended, 0, served.running.stderr);
});

test('processes listen on a socket that was bound before they were started', async () => {
  await using served = await programs.serve('bound-by-the-parent.py');
  for (const who of ['first', 'second', 'second', 'third', 'fourth']) {
    assert.equal(await answered(served.port), who);
  }
  assert.equal(await served.running.ended, 0, served.running.stderr);
});

test('processes share a port', async () => {
  await using served = await programs.serve('shared-port.py');
  const { port } = served;
  const answers = new Set<string>();
  const deadline = Date.now() + 60_000;
  // Who gets a client is the kernel's choice, among those that still listen.
  while (answers.size < 2 && Date.now() < deadline) {
    answers.add(await say(programs, port).catch(() => 'nobody'));
    answers.delete('nobody');
  }
  assert.deepEqual([...answers].sort(), ['first', 'second']);
  assert.equal(await served.running.ended, 0, served.running.stderr);
});

test('a port is free again as soon as its listener is closed', async () => {
  // One that the kernel does not give to somebody else in between.
  const port = await freePort();
  const command = [...programs.command('port-again.py'), `${port}`];
  await using served = await wrappedWhole(programs.pool, [], command);
  // Each of three listeners on the port is told of.
  await served.running.saying(/(?:serving as[\s\S]*?){3}/);
  assert.equal(await say(programs, served.port), 'ok');
  assert.equal(await served.running.ended, 0, served.running.stderr);
});

test('one listener for both families shows IPv4 clients mapped', async () => {
  await using served = await programs.serve('both-families.py');
  assert.equal(await say(programs, served.port, 'hello', '127.0.0.1'), 'ok 4');
  assert.equal(await say(programs, served.port, 'hello', '::1'), 'ok 6');
  assert.equal(await served.running.ended, 0, served.running.stderr);
});

test('a listener of Multipath TCP', async () => {
  await using served = await programs.serve('multipath.py');
  assert.equal(await say(programs, served.port), 'ok');
  assert.equal(await served.running.ended, 0, served.running.stderr);
});

test('a program at its limit of open files loses no client', async () => {
  await using served = await programs.serve('no-descriptors-left.py');
  assert.equal(await say(programs, served.port), 'ok');
  assert.equal(await served.running.ended, 0, served.running.stderr);
});

test('a program under an interval timer of 1 ms', async () => {
  await using served = await programs.serve('under-a-timer.py');
  const [, port] = await served.running.saying(/waiting at port (\d+)/);
  assert.equal(await say(programs, Number(port)), 'ok');
  assert.equal(await served.running.ended, 0, served.running.stderr);
});

test('io_uring, which cannot be supervised, is not there', async () => {
  await using served = await programs.serve('without-io-uring.py');
  assert.equal(await say(programs, served.port), 'ok');
  assert.equal(await served.running.ended, 0, served.running.stderr);
});

test('a client that ended its direction is answered', async () => {
  await using served = await programs.serve('half-closing.py');
  const socket = await connected(programs.pool, served.port);
  socket.end('x'.repeat(100_000));
  assert.equal(await readAll(socket), '100000 bytes\n');
  socket.destroy();
  assert.equal(await served.running.ended, 0, served.running.stderr);
});

test('urgent data goes on in its place', async () => {
  await using served = await programs.serve('urgent.py');
  assert.equal(await say(programs, served.port), 'a!b');
  assert.equal(await served.running.ended, 0, served.running.stderr);
});

test('a thread whose process has lost its first one', async () => {
  await using served = await programs.serve('leader-gone.c');
  assert.equal(await say(programs, served.port), 'ok');
  assert.equal(await served.running.ended, 0, served.running.stderr);
});

test('a Java server whose accepting socket is closed by another thread', async () => {
  await using served = await programs.serve('ServerClosesFromAnotherThread.java');
  assert.equal(await say(programs, served.port), '127.0.0.1');
  assert.equal(await say(programs, served.port, 'end'), '127.0.0.1');
  assert.equal(await served.running.ended, 0, served.running.stderr);
  assert.match(served.running.stdout, /closed while waiting/);
});

test('a program that goes into the background is wrapped on, and its own exit code told', async () => {
  await using served = await programs.serve('daemonising.py');
  assert.equal(await say(programs, served.port), 'ok');
  assert.equal(await served.running.ended, 7, served.running.stderr);
});

test('a program of another architecture is refused by name', async () => {
  const { pool } = programs;
  const binary = `${pool.folder}/foreign`;
  const source = new URL('listening/foreign.c', import.meta.url).pathname;
  const alone = ['-nostdlib', '-static', '-fno-pie', '-no-pie'];
  build('gcc', ['-m32', ...alone, '-o', binary, source]);
  await using running = pool.start('wrap', '--', binary);
  assert.equal(await running.ended, 125);
  assert.match(running.stderr, /foreign is built for another architecture/);
});

test('a program in another network namespace is refused there, but for what is plain', {
  skip: process.getuid?.() === 0 ? false : 'it takes root to make one',
}, async () => {
  const port = await freePort();
  const { pool } = programs;
  const command = ['unshare', '--net', ...programs.command('in-another-network.py'), `${port}`];
  const flags = ['--plain', `${port}`, '--remote-id', name];
  await using running = pool.start('wrap', ...flags, '--', ...command);
  assert.equal(await running.ended, 0, running.stderr);
  assert.match(running.stderr, /listen\(\) of .* was refused: it is in another network namespace/);
  assert.match(
    running.stderr,
    /no connection to 192\.0\.2\.1:443: its socket is in another network/,
  );
});

test('a wrap inside another is refused, saying why', async () => {
  await using running = programs.pool.start('wrap', '--', ...tlspoolCommand('wrap', '--', 'true'));
  assert.equal(await running.ended, 125);
  assert.match(running.stderr, /under the supervision of another program already/);
});

/** Between two processes that listen there may be a moment in which none does. */
async function answered(port: number): Promise<string> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      return await say(programs, port);
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
