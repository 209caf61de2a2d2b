import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entry } from '../built.ts';
import { outcomeOf } from './run-tlspool.ts';

test('a reader that leaves after one line ends nothing loudly', async () => {
  const script = 'set -o pipefail; "$0" "$1" --help | head -1';
  const { code, stdout, stderr } = await outcomeOf('bash', ['-c', script, process.execPath, entry]);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.match(stdout, /^TLS as a service/);
});

test('with stdout closed before anything is written, nothing is said about it', async () => {
  const script = '{ sleep 0.5; "$0" "$1" --help; echo "exit $?" >&2; } | true';
  const { stderr } = await outcomeOf('bash', ['-c', script, process.execPath, entry]);
  assert.equal(stderr, 'exit 0\n');
});

test('with stderr closed, a failure still has its exit code', async () => {
  const { code, stdout } = await outcomeOf('bash', [
    '-c',
    '"$0" "$1" frobnicate 2>&-',
    process.execPath,
    entry,
  ]);
  assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
});
