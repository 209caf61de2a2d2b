import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { closeFd, connectUnix, socketPair } from '../../../src/core/engine/sockets.ts';
import { openInnerListener, PrivateFolder } from '../../../src/core/wrap/inner-listener.ts';
import { startProgram } from '../../../src/core/wrap/program.ts';

const launcher = fileURLToPath(new URL('../../../build/launcher', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'tlspool-test-'));
after(() => rmSync(scratch, { recursive: true }));

const environment = { PATH: process.env.PATH };

/** Runs a shell script and gives what it wrote to its third argument, a file. */
async function record(script: string, ...rest: readonly string[]): Promise<string[]> {
  const file = join(scratch, 'record');
  const command = ['sh', '-c', script, 'sh', file, ...rest];
  assert.equal(await startProgram({ launcher, command, environment }).ended, 0);
  return readFileSync(file, 'utf8').split('\n').slice(0, -1);
}

test('the exit code is the program’s, or tells the signal that ended it', async () => {
  const ended = (script: string) =>
    startProgram({ launcher, command: ['sh', '-c', script], environment }).ended;
  assert.equal(await ended('exit 0'), 0);
  assert.equal(await ended('exit 77'), 77);
  assert.equal(await ended('kill -KILL $$'), 137);
  assert.equal(await ended('kill -USR1 $$'), 138);
});

test('programs that cannot be run end as a shell would say it', async () => {
  const ended = (name: string) => startProgram({ launcher, command: [name], environment }).ended;
  assert.equal(await ended('/nonexistent/program'), 127);
  assert.equal(await ended(''), 127);
  assert.equal(await ended('/etc/passwd'), 126);
});

test('a missing launcher is a failure of our own', async () => {
  const { ended } = startProgram({ launcher: '/nonexistent', command: ['true'], environment });
  await assert.rejects(ended, { code: 'launcher-failed', exit: 125 });
});

test('signals reach the program', async () => {
  const file = join(scratch, 'ready');
  const script = `trap 'exit 9' TERM; : > ${file}; while :; do sleep 0.01; done`;
  const program = startProgram({ launcher, command: ['sh', '-c', script], environment });
  for (;;) {
    try {
      readFileSync(file);
      break;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  program.signal('SIGTERM');
  assert.equal(await program.ended, 9);
});

test('arguments arrive as they were given: empty, repeated, dashes, newlines', async () => {
  const argument = fc.oneof(
    fc.constantFrom('', '--', '-x', '--listen-fds', '--setenv', 'a b', '\n', '$HOME', '*'),
    fc.string({ unit: 'grapheme', maxLength: 8 }).filter((text) => !text.includes('\0')),
  );
  const script = 'printf "%s\\0" "$@" > "$1"; echo >> "$1"';
  await fc.assert(
    fc.asyncProperty(fc.array(argument, { maxLength: 6 }), async (given) => {
      const text = (await record(script, ...given)).join('\n');
      assert.deepEqual(text.split('\0').slice(1, -1), given);
    }),
    { numRuns: 40 },
  );
});

test('environment names that no shell would keep arrive', async () => {
  const file = join(scratch, 'environment');
  const program = startProgram({
    launcher,
    command: ['cp', '/proc/self/environ', file],
    environment: { ...environment, 'a.b': 'dotted', 'x-y': 'dashed' },
  });
  assert.equal(await program.ended, 0);
  const variables = readFileSync(file, 'utf8').split('\0');
  assert.ok(variables.includes('a.b=dotted'));
  assert.ok(variables.includes('x-y=dashed'));
});

test('sockets meant for us are not announced to the program', async () => {
  const file = join(scratch, 'environment');
  const program = startProgram({
    launcher,
    command: ['cp', '/proc/self/environ', file],
    environment: { ...environment, LISTEN_PID: '1', LISTEN_FDS: '2', LISTEN_FDNAMES: 'a:b' },
  });
  assert.equal(await program.ended, 0);
  assert.doesNotMatch(readFileSync(file, 'utf8'), /LISTEN_/);
});

const describeActivation = `
import json, os, socket, sys
def is_open(fd):
    try: return os.fstat(fd) is not None
    except OSError: return False
passed = [socket.socket(fileno=fd) for fd in (3, 4)]
json.dump({
    'forUs': os.environ['LISTEN_PID'] == str(os.getpid()),
    'count': os.environ['LISTEN_FDS'],
    'names': os.environ['LISTEN_FDNAMES'],
    'open': [fd for fd in range(3, 200) if is_open(fd)],
    'listening': [s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) for s in passed],
    'blocking': [os.get_blocking(s.fileno()) for s in passed],
}, open(sys.argv[1], 'w'))
`;

test('listening sockets arrive from descriptor 3, by the protocol, and no others', async () => {
  const folder = new PrivateFolder(scratch);
  const listeners = [0, 1].map((index) => openInnerListener(folder, index));
  const file = join(scratch, 'activation');
  const program = startProgram({
    launcher,
    command: ['python3', '-c', describeActivation, file],
    environment,
    listeners: listeners.map(({ fd }, index) => ({ fd, name: `socket${index}` })),
  });
  assert.equal(await program.ended, 0);
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), {
    forUs: true,
    count: '2',
    names: 'socket0:socket1',
    open: [3, 4],
    listening: [1, 1],
    blocking: [true, true],
  });
  for (const { fd } of listeners) closeFd(fd);
  folder.remove();
});

test('the inner socket is out of reach for other users', async () => {
  const folder = new PrivateFolder(scratch);
  const { fd, endpoint } = openInnerListener(folder, 0);
  assert.equal(statSync(folder.path).mode & 0o777, 0o700);
  closeFd(connectUnix(endpoint.path));
  closeFd(fd);
  folder.remove();
  assert.throws(() => statSync(folder.path), { code: 'ENOENT' });
});

test('one socket serves as stdin and stdout', async () => {
  const [ours, theirs] = socketPair();
  const program = startProgram({ launcher, command: ['cat'], environment, socket: theirs });
  closeFd(theirs);
  const socket = new Socket({ fd: ours });
  socket.end('hello');
  let text = '';
  for await (const chunk of socket) text += chunk;
  assert.equal(text, 'hello');
  assert.equal(await program.ended, 0);
});
