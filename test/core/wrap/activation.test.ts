import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { closeFd, listenTcp, socketAddresses } from '../../../src/core/engine/sockets.ts';
import { takeActivatedSockets } from '../../../src/core/wrap/activation.ts';
import { event } from '../../patience.ts';

const launcher = fileURLToPath(new URL('../../../build/launcher', import.meta.url));
const module = new URL('../../../src/core/wrap/activation.ts', import.meta.url);

/** What a process that was started with these descriptors from 3 on takes from its environment. */
async function takenBy(fds: readonly number[], names: string): Promise<string> {
  const script = `
    const { takeActivatedSockets } = await import(${JSON.stringify(module.href)});
    try {
      console.log(JSON.stringify(takeActivatedSockets(process.env, process.pid)));
    } catch ({ code, message }) {
      console.log(JSON.stringify({ code, message }));
    }`;
  const options = ['--listen-fds', String(fds.length), '--fdnames', names];
  const node = [process.execPath, '--input-type=module', '-e', script];
  const child = spawn(launcher, [...options, '--', ...node], {
    stdio: ['ignore', 'pipe', 'inherit', ...fds],
  });
  let output = '';
  for await (const chunk of child.stdout ?? []) output += chunk;
  if (child.exitCode === null) await event(child, 'exit');
  return output;
}

test('sockets passed to this process are taken with their names and addresses', async () => {
  const fds = [listenTcp('127.0.0.1', 0), listenTcp('::1', 0)];
  const [four, six] = fds.map((fd) => socketAddresses(fd).local);
  assert.deepEqual(JSON.parse(await takenBy(fds, 'web')), [
    { fd: 3, name: 'web', local: four },
    { fd: 4, name: 'unknown', local: six },
  ]);
  fds.forEach(closeFd);
});

test('a descriptor that is no socket is refused', async () => {
  const fd = openSync('/dev/null', 'r');
  const { code, message } = JSON.parse(await takenBy([fd], ''));
  assert.equal(code, 'bad-activation');
  assert.match(message, /^descriptor 3, passed by socket activation, is no socket: /);
  closeFd(fd);
});

test('variables meant for another process are no concern of ours', () => {
  const variables = { LISTEN_FDS: '2', LISTEN_FDNAMES: 'a:b' };
  assert.deepEqual(takeActivatedSockets({ ...variables, LISTEN_PID: '1' }, 4711), []);
  assert.deepEqual(takeActivatedSockets(variables, 4711), []);
});

test('a count that is none is refused', () => {
  for (const count of ['x', '-1', '1.5', '1e9', undefined]) {
    const variables = { LISTEN_PID: '4711', LISTEN_FDS: count };
    assert.throws(() => takeActivatedSockets(variables, 4711), { code: 'bad-activation' });
  }
});
