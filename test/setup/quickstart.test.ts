import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readIfThere } from '../processes.ts';

const quickstart = join(import.meta.dirname, '../../setup/quickstart.mjs');

test('the quickstart wraps an unmodified server and an unmodified client, and leaves nothing behind', () => {
  const temporary = mkdtempSync(join(tmpdir(), 'tlspool-test-'));
  try {
    const { status, stdout, stderr } = spawnSync(process.execPath, [quickstart], {
      env: { ...process.env, TMPDIR: temporary },
      encoding: 'utf8',
      timeout: 280_000,
    });
    assert.equal(status, 0, `${stdout}${stderr}`);
    assert.match(stdout, /\$ tlspool wrap -- busybox httpd /);
    assert.match(
      stdout,
      /\$ curl .* https:.*\n +This page came from a program that knows nothing of TLS\./,
    );
    assert.match(
      stdout,
      /\$ tlspool wrap --client-tls .*\n +This page came from a program that knows nothing of TLS\./,
    );
    assert.match(stdout, /Protocol version: TLSv1\.3/);
    assert.match(stdout, /Verification: OK/);
    assert.deepEqual(readdirSync(temporary), []);
    assert.deepEqual(processesOf(temporary), []);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
});

test('where the system lets no program be supervised, it says so and shows what remains', () => {
  const temporary = mkdtempSync(join(tmpdir(), 'tlspool-test-'));
  try {
    // In a user namespace of its own, in which there may be no network namespaces.
    const limits = 'echo 0 >/proc/sys/user/max_net_namespaces && exec "$0" "$@"';
    const args = ['-Ur', 'sh', '-c', limits, process.execPath, quickstart];
    const { status, stdout, stderr } = spawnSync('unshare', args, {
      env: { ...process.env, TMPDIR: temporary },
      encoding: 'utf8',
      timeout: 280_000,
    });
    assert.equal(status, 0, `${stdout}${stderr}`);
    assert.match(stdout, /does not let wrap supervise a program:\n.*no private network/);
    assert.match(stdout, /\$ tlspool wrap --listen .* --inetd -- busybox httpd/);
    assert.match(stdout, /\$ tlspool tunnel --client .*\n.*\n +This page came from a program/);
    assert.deepEqual(readdirSync(temporary), []);
    assert.deepEqual(processesOf(temporary), []);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
});

/** Command lines of the processes that have something to do with a directory. */
function processesOf(directory: string): readonly string[] {
  const commandLines = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => readIfThere(`/proc/${pid}/cmdline`) + readIfThere(`/proc/${pid}/environ`));
  return commandLines.filter((text) => text.includes(directory));
}
