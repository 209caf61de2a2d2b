import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { closeFd, listenTcp, socketAddresses } from '../../src/core/engine/sockets.ts';
import { entry } from '../built.ts';
import { readAll } from './stage/clients.ts';
import { ListeningPrograms, say } from './stage/listening-programs.ts';
import { freePort, listening } from './stage/ports.ts';
import { Running, run, runTlspool, tlspoolCommand } from './stage/running.ts';

const launcher = fileURLToPath(new URL('../../build/launcher', import.meta.url));

let programs: ListeningPrograms;
before(async () => {
  programs = await ListeningPrograms.create();
});
after(() => programs[Symbol.asyncDispose]());

test('clients wait at a socket of the service manager while the program is started again', async () => {
  const listener = listenTcp('127.0.0.1', 0);
  const port = socketAddresses(listener).local?.port ?? 0;
  const program = programs.command('listener-passed.py');
  const wrap = tlspoolCommand('wrap', '--restart', 'on-failure', '--', ...program);
  await using running = new Running(
    launcher,
    ['--listen-fds', '1', '--fdnames', 'my.socket', '--', ...wrap],
    { env: programs.pool.environment, stdio: ['ignore', 'pipe', 'pipe', listener] },
  );
  closeFd(listener);
  await running.saying(/serving as/);
  const answers = [await say(programs, port), await say(programs, port)];
  for (const answer of answers) assert.match(answer, /^my\.socket \d+$/);
  assert.notEqual(answers[0], answers[1]);
  await running.saying(/the program ended \(exit code 1\); started again in 1 s/);
  running.child.kill('SIGTERM');
  await running.ended;
});

test('what the program says to its service manager is passed on, but for what only wrap knows', async () => {
  const socket = `${programs.pool.folder}/notify`;
  const manager = fileURLToPath(new URL('stage/notified.py', import.meta.url));
  await using heard = new Running('python3', [manager, socket]);
  await heard.saying(/bound/);
  await using running = new Running(
    process.execPath,
    [entry, 'wrap', '--', ...programs.command('telling-its-manager.py')],
    { env: { ...programs.pool.environment, NOTIFY_SOCKET: socket } },
  );
  await heard.saying(/^READY=1 STATUS=at work$/m);
  await heard.saying(/^STATUS=the barrier is over$/m);
  running.child.kill('SIGTERM');
  assert.equal(await running.ended, 143, running.stderr);
});

test('peers that say nothing keep nobody waiting, and reach nobody', async () => {
  await using served = await programs.serve('counting.py');
  const silent = Array.from({ length: 100 }, () => connect(served.port, '127.0.0.1'));
  for (const socket of silent) socket.on('error', () => undefined);
  const liar = connect(served.port, '127.0.0.1');
  liar.on('error', () => undefined).write('GET / HTTP/1.0\r\n\r\n');
  assert.equal(await say(programs, served.port), '1');
  assert.equal(await say(programs, served.port), '2');
  for (const socket of [...silent, liar]) socket.destroy();
  assert.equal(await served.stop(), 143);
});

test('a port that is to be plain is', async () => {
  const port = await freePort();
  const script = `
import socket
server = socket.create_server(("127.0.0.1", ${port}))
while True:
    client, _ = server.accept()
    client.sendall(b"in the clear")
    client.close()
`;
  const flags = ['wrap', '--plain', String(port), '--', '/usr/bin/python3', '-c', script];
  await using running = programs.pool.start(...flags);
  await running.saying(new RegExp(`127\\.0\\.0\\.1:${port}: plain`));
  await listening(port, running);
  const client = connect(port, '127.0.0.1');
  assert.equal(await readAll(client), 'in the clear');
  client.destroy();
  running.child.kill('SIGTERM');
  assert.equal(await running.ended, 143, running.stderr);
});

test('signals while it starts do no harm, such as those of a profiler', async () => {
  const profiling = ['--cpu-prof', '--cpu-prof-interval', '200'];
  const folder = ['--cpu-prof-dir', programs.pool.folder];
  const [node = '', ...args] = tlspoolCommand('wrap', '--', 'sh', '-c', 'exit 7');
  const { code, stderr } = await run(node, [...profiling, ...folder, ...args], {
    env: programs.pool.environment,
  });
  assert.equal(code, 7, stderr);
});

test('the drop-in for a unit wraps its command', async () => {
  const file = new URL('../../etc/tlspool-wrap.conf', import.meta.url);
  const starts = readFileSync(file, 'utf8').match(/^ExecStart=.*$/gm) ?? [];
  assert.deepEqual(starts, ['ExecStart=', 'ExecStart=/usr/bin/tlspool wrap -- /usr/sbin/legacyd']);
  const words = starts[1]?.split(' ').slice(1) ?? [];
  const command = words.flatMap((word) =>
    word === '/usr/sbin/legacyd' ? programs.command('counting.py') : [word],
  );
  await using running = programs.pool.start(...command);
  const [, port] = await running.saying(/tlspool wrap: \S+:(\d+): TLS/);
  assert.equal(await say(programs, Number(port)), '1');
  // As systemd does with KillMode=mixed.
  running.child.kill('SIGTERM');
  assert.equal(await running.ended, 143, running.stderr);
});

test('a dry run tells what would happen, and runs nothing', async () => {
  const { pool } = programs;
  const mark = `${pool.folder}/it-ran`;
  const said = await pool.command(
    ...['wrap', '--dry-run', '--starttls', '2525=smtp', '--plain', '9100'],
    ...['--client-starttls', 'mail.example.com:587=smtp', '--', 'touch', mark],
  );
  assert.match(said, /^ok {3}program touch$/m);
  assert.match(said, /^ok {3}supervision of system calls$/m);
  assert.match(said, /^ {5}serving as www\.example\.com$/m);
  assert.match(said, /^ {5}port 2525: STARTTLS smtp$/m);
  assert.match(said, /^ {5}port 9100: plain$/m);
  assert.match(said, /^ {5}connections to mail\.example\.com:587: STARTTLS smtp$/m);
  assert.match(said, /^ {5}servers prove to be the name that was asked for$/m);
  assert.equal(existsSync(mark), false);
});

test('a dry run says what is missing, all of it', async () => {
  const environment = { ...programs.pool.environment, TLSPOOL_SOCKET: '/nowhere/pool.sock' };
  const { code, stdout } = await runTlspool(['wrap', '--dry-run', '--', 'no-such-program'], {
    env: environment,
  });
  assert.equal(code, 125);
  assert.match(stdout, /^no {3}program no-such-program: /m);
  assert.match(stdout, /^ok {3}a private network$/m);
  assert.match(stdout, /^no {3}the pool: .*\/nowhere\/pool\.sock/m);
});

test('a program that may not listen for want of an identity is told so, and wrap names them', async () => {
  const { pool } = programs;
  await pool.command('identities', 'create', 'other.example.com');
  try {
    await using running = pool.start('wrap', '--', ...programs.command('counting.py'));
    assert.equal(await running.ended, 125);
    assert.match(running.stderr, /PermissionError/);
    assert.match(running.stderr, /several identities for servers in .*: .*other\.example\.com/);
    assert.match(running.stderr, /--local-id/);
  } finally {
    await pool.command('identities', 'remove', 'other.example.com');
  }
});
