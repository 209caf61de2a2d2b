import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { program } from './run-tlspool.ts';

const ROUNDS = 7;

/**
 * A run of oclif with 38 commands that loads everything takes 15 times as long as a bare Node; manifest,
 * subpath imports, compile cache and late imports bring that below 5. Ratios and least times, as a machine
 * that is busy with other tests makes everything slower, but nothing faster.
 */
test('--version, --help and status start within five times a bare Node', () => {
  const cases = {
    bare: ['-e', '0'],
    version: [program, '--version'],
    help: [program, '--help'],
    status: [program, 'status', '--socket', '/nonexistent/tlspool.sock'],
  };
  const least = { bare: Infinity, version: Infinity, help: Infinity, status: Infinity };
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, args] of Object.entries(cases) as [keyof typeof cases, string[]][]) {
      const start = performance.now();
      spawnSync(process.execPath, args, { stdio: 'ignore' });
      least[name] = Math.min(least[name], performance.now() - start);
    }
  }
  const ratio = (name: keyof typeof cases) => least[name] / least.bare;
  assert.ok(ratio('version') < 2.5, `--version: ${ratio('version').toFixed(1)} × a bare Node`);
  assert.ok(ratio('help') < 5, `--help: ${ratio('help').toFixed(1)} × a bare Node`);
  assert.ok(ratio('status') < 5, `status: ${ratio('status').toFixed(1)} × a bare Node`);
});
