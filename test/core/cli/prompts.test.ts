import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prompts } from '../../../src/core/cli/prompts.ts';

test('a question that cannot be asked names the flag that answers it', async () => {
  const silent = new Prompts(false);
  const refusal = { name: 'UsageError', exit: 2, hint: 'Say it with --yes.' };
  await assert.rejects(silent.confirm('Remove it?', '--yes'), refusal);
  await assert.rejects(silent.secret('PIN:', '--pin-file'), {
    exit: 2,
    message: 'cannot ask "PIN" here',
    hint: 'Say it with --pin-file.',
  });
});
