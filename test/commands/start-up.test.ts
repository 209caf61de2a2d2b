import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { program } from './run-tlspool.ts';

const ROUNDS = 7;

/**
 * A run of oclif with 38 commands that loads everything takes 15 times as long as a bare Node; manifest, subpath
 * imports, compile cache and late imports bring that below 5. Processor time, as a ratio: how busy the machine is with
 * other tests hardly matters then.
 */
test('--version, --help and status take less than five times the work of a bare Node', () => {
  const cases = {
    bare: ['-e', '0'],
    version: [program, '--version'],
    help: [program, '--help'],
    status: [program, 'status', '--socket', '/nonexistent/tlspool.sock'],
  };
  const work = { bare: 0, version: 0, help: 0, status: 0 };
  // The first round fills the compile cache and the system's caches.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, args] of Object.entries(cases) as [keyof typeof cases, string[]][]) {
      const before = workOfChildren();
      spawnSync(process.execPath, args, { stdio: 'ignore', timeout: 60_000 });
      if (round > 0) work[name] += workOfChildren() - before;
    }
  }
  const ratio = (name: keyof typeof cases) => work[name] / work.bare;
  assert.ok(ratio('version') < 2.5, `--version: ${ratio('version').toFixed(1)} × a bare Node`);
  assert.ok(ratio('help') < 5, `--help: ${ratio('help').toFixed(1)} × a bare Node`);
  assert.ok(ratio('status') < 5, `status: ${ratio('status').toFixed(1)} × a bare Node`);
});

/** Processor time of all children that have ended, in clock ticks (10 ms): proc(5), cutime and cstime. */
function workOfChildren(): number {
  const [, fields = ''] =
    /^\d+ \(.*\) (.*)$/s.exec(readFileSync('/proc/self/stat', 'latin1')) ?? [];
  const [user, system] = fields.split(' ').slice(13, 15);
  return Number(user) + Number(system);
}
