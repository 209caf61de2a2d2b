import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readGuide, scriptOf } from './stage/guide.ts';
import { run } from './stage/running.ts';

const guide = fileURLToPath(new URL('../../docs/mailing-list.md', import.meta.url));
const entry = fileURLToPath(new URL('../../bin/dev.js', import.meta.url));

/** A machine of its own: nothing of this one's state and network is seen or changed. */
const machine = `
set -e
ip link set lo up
for place in /var/lib /var/spool /var/mail /run; do mount -t tmpfs tmpfs "$place"; done
mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd
chmod 711 /var/spool/smtpd
chown mail /var/mail
touch "$1/smtpd.conf"
mount --bind "$1/smtpd.conf" /etc/smtpd.conf
PATH=$1:$PATH
cd "$1"
trap 'cp -r /var/mail/list "$1/list" 2>/dev/null || true' EXIT
bash script
`;

test('the guide to a mailing list for members only works as it is written', {
  skip: process.getuid?.() === 0 ? false : 'it takes root to have port 25',
  timeout: 300_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-guide-'));
  try {
    const steps = readGuide(guide);
    writeFileSync(join(folder, 'script'), scriptOf(steps));
    const command = join(folder, 'tlspool');
    writeFileSync(command, `#!/bin/sh\nexec ${process.execPath} ${entry} "$@"\n`);
    chmodSync(command, 0o755);
    const namespaces = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const shell = ['bash', '-c', machine, 'bash', folder];
    const environment = { ...process.env };
    for (const name of Object.keys(environment)) {
      if (name.startsWith('TLSPOOL_')) delete environment[name];
    }
    const { code, stdout, stderr } = await run('unshare', [...namespaces, ...shell], {
      env: environment,
    });
    assert.equal(code, 0, stdout + stderr);
    for (const [number, { line, prints }] of steps.entries()) {
      const printed = readFileSync(join(folder, `out.${number}`), 'utf8');
      for (const part of prints) {
        assert.ok(printed.includes(part), `line ${line}: “${part}” is not in:\n${printed}`);
      }
    }
    // Two members' mails, and nothing of anybody else.
    assert.equal(readdirSync(join(folder, 'list/new')).length, 2);
    const wrapped = steps.findIndex(({ commands }) => commands.includes('tlspool wrap'));
    const log = readFileSync(join(folder, `out.${wrapped}`), 'utf8');
    assert.equal(log.match(/smtp envelope/g)?.length, 2);
    assert.doesNotMatch(log, /failed-command/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
