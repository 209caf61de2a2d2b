import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const setup = join(import.meta.dirname, '../../setup');
const place = mkdtempSync(join(tmpdir(), 'tlspool-packages-'));
after(() => rmSync(place, { recursive: true }));

const wanted = [
  { name: 'nonesuch-server', has: '/nonexistent/nonesuch' },
  { name: 'coreutils', has: '/bin/ls' },
  { name: 'nonesuch-client', has: 'nonesuch' },
];

/** Installs the packages in a process whose path holds only the programs given, as shell scripts. */
function install(programs: Readonly<Record<string, string>>, uid: number) {
  const path = mkdtempSync(join(place, 'path-'));
  chmodSync(place, 0o755);
  chmodSync(path, 0o755);
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(path, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  const script = `
    process.geteuid = () => ${uid};
    const { setUp } = await import(${JSON.stringify(join(setup, 'step.mjs'))});
    const { installPackages } = await import(${JSON.stringify(join(setup, 'packages.mjs'))});
    await setUp(() => installPackages(${JSON.stringify(wanted)}));`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { PATH: path },
    input: '',
    encoding: 'utf8',
  });
  return { status, stderr };
}

const oneLine =
  'tlspool set-up: missing nonesuch-server, nonesuch-client: install them first (sudo apt-get install nonesuch-server nonesuch-client)\n';

test('without root and without sudo one line says what to install', () => {
  assert.deepEqual(install({ 'apt-get': 'exit 0' }, 1000), { status: 1, stderr: oneLine });
});

test('where sudo wants a password and nobody is there to type it, likewise', () => {
  assert.deepEqual(install({ 'apt-get': 'exit 0', sudo: 'exit 1' }, 1000), {
    status: 1,
    stderr: oneLine,
  });
});

test('where there is no apt, likewise', () => {
  assert.deepEqual(install({}, 0), { status: 1, stderr: oneLine });
});

test('as root, just what is missing is installed', () => {
  mkdirSync(join(place, 'log'));
  const log = join(place, 'log/apt');
  const env = 'shift; exec "$@"';
  // What it is told to do around the installation concerns the machine that this runs on.
  const sh = 'shift 3; exec "$@"';
  const { status, stderr } = install({ env, sh, 'apt-get': `echo "$*" >> ${log}` }, 0);
  assert.deepEqual(
    { status, stderr },
    { status: 0, stderr: 'tlspool set-up: installing nonesuch-server, nonesuch-client\n' },
  );
  const said = spawnSync('cat', [log], { encoding: 'utf8' }).stdout;
  assert.equal(
    said,
    'update -q\n' +
      'install -o DPkg::Lock::Timeout=600 -y --no-install-recommends nonesuch-server nonesuch-client -q\n',
  );
});
