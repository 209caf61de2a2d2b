import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { entry } from '../built.ts';

const etc = fileURLToPath(new URL('../../etc/', import.meta.url));
const units = readdirSync(etc).filter((file) => /\.(?:service|timer)$/.test(file));
const there = spawnSync('systemd-analyze', ['--version']).status === 0;
const skip = there ? false : 'systemd-analyze is not there';

/** A service that goes into the background, and has a unit that is strict. */
const legacyd = `[Unit]
Description=knows nothing of TLS
[Service]
Type=forking
PIDFile=/run/legacyd.pid
ExecStart=/bin/true
SystemCallFilter=@system-service
`;

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'tlspool-units-'));
  for (const unit of units) install(unit, read(unit));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function read(file: string): string {
  return readFileSync(join(etc, file), 'utf8');
}

/** With programs in place of those that may not be installed: systemd looks whether there are such. */
function install(file: string, text: string): void {
  const path = join(folder, file);
  mkdirSync(join(path, '..'), { recursive: true });
  const command = text
    .replace(/^(ExecStart=)(?:\/usr\/bin\/)?tlspool /gm, `$1${entry} `)
    .replaceAll('/usr/sbin/legacyd', '/bin/true');
  writeFileSync(path, command);
}

/** What systemd does not like about a unit; units of the machine may have faults of their own. */
function faults(unit: string): string[] {
  const manager = /user|pin/.test(unit) ? ['--user'] : [];
  const args = ['verify', '--man=no', '--recursive-errors=no', ...manager, join(folder, unit)];
  const { stderr } = spawnSync('systemd-analyze', args, {
    encoding: 'utf8',
    env: { ...process.env, SYSTEMD_UNIT_PATH: `${folder}:`, XDG_RUNTIME_DIR: folder },
  });
  const [name = ''] = unit.split('.');
  return stderr.split('\n').filter((line) => line.includes(folder) || line.includes(name));
}

for (const unit of units) {
  test(`systemd finds no fault with ${unit}`, { skip }, () => assert.deepEqual(faults(unit), []));
}

for (const [what, text] of [
  ['as it is', (given: string) => given],
  [
    'with all that it has to offer',
    (given: string) => given.replace(/^#([A-Z][A-Za-z]*=)/gm, '$1'),
  ],
] as const) {
  test(`systemd finds no fault with the drop-in for a wrapped service, ${what}`, { skip }, () => {
    install('legacyd.service', legacyd);
    install('legacyd.service.d/tlspool.conf', text(read('tlspool-wrap.conf')));
    assert.deepEqual(faults('legacyd.service'), []);
  });
}

test('a fault would be found', { skip }, () => {
  install('faulty.service', read('tlspool.service').replace('UMask=', 'Umask='));
  assert.match(faults('faulty.service').join('\n'), /Unknown key .*Umask/);
});
