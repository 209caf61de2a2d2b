import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { name } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { runTlspool } from './stage/running.ts';

/** Writes its arguments, NUL-terminated, into the file that the environment names. */
const recorder = ['sh', '-c', 'printf "%s\\0" "$@" > "$RECORD"', 'recorder'];

test('a program gets exactly the arguments after the first --', async () => {
  await using pool = await Pool.serving([[name]]);
  const record = join(pool.folder, 'record');
  const environment = { ...pool.environment, RECORD: record };
  const word = fc.oneof(
    fc.constantFrom('', '--', '-x', '-h', '--help', '--version', '--json', '--listen', '1', '-'),
    fc.constantFrom('--local-id=x', 'a b', '$(id)', '*', '\n', 'wrap', 'é'),
    fc.string({ maxLength: 6 }).filter((text) => !text.includes('\0')),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 8 }), async (given) => {
      const own = ['wrap', '--quiet', '--listen', '127.0.0.1:0', '--'];
      const { code, stderr } = await runTlspool([...own, ...recorder, ...given], {
        env: environment,
      });
      assert.equal(code, 0, stderr);
      const recorded = readFileSync(record, 'utf8').split('\0').slice(0, -1);
      assert.deepEqual(recorded, given.length === 0 ? [''] : given);
    }),
    {
      numRuns: 15,
      examples: [[['-x', '1', '--', 'prog', 'x', 'x', '-x', '1', '--', '']], [['--', '--']], [[]]],
    },
  );
});

test('the program keeps stdin, stdout and its environment', async () => {
  await using pool = await Pool.serving([[name]]);
  const wrap = (...command: readonly string[]) =>
    runTlspool(['wrap', '--quiet', '--listen', '127.0.0.1:0', '--', ...command], {
      env: { ...pool.environment, 'dotted.name': 'kept' },
      input: 'from stdin\n',
    });
  assert.deepEqual(await wrap('cat'), { code: 0, stdout: 'from stdin\n', stderr: '' });
  const { stdout } = await wrap('cat', '/proc/self/environ');
  assert.ok(stdout.split('\0').includes('dotted.name=kept'));
});
