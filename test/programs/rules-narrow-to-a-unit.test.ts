import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until } from '../patience.ts';
import { Pool } from './stage/pool.ts';
import { run } from './stage/running.ts';

const folder = fileURLToPath(new URL('python', import.meta.url));
/** A number that needs no account. */
const USER = 61_003;

/** Goes into a control group, becomes a user, and speaks TLS as a client that shows an identity; tells what came of it. */
const script = `
import os, socket, sys
sys.path.insert(0, sys.argv[1])
from tlspool_client import *
if sys.argv[4]:
    with open(sys.argv[4] + '/cgroup.procs', 'w') as group:
        group.write(str(os.getpid()))
os.setgroups([]); os.setgid(int(sys.argv[3])); os.setuid(int(sys.argv[3]))
ours, theirs = socket.socketpair()
theirs.close()
try:
    Pool(sys.argv[2]).starttls(ours, LOCALROLE_CLIENT | REMOTEROLE_SERVER, localid='a.example', remoteid='b.example')
except PoolError as error:
    print(error)
`;

/** Where control groups (version 2) are made, on this machine; undefined: nowhere, for us. */
function controlGroups(): string | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , top, place, options = ''] = before.split(' ');
    const writable = /^rw\b/.test(options);
    if (after.startsWith('cgroup2 ') && top === '/' && place && writable) return place;
  }
  return undefined;
}

/** Control groups, as systemd makes them for units; what was made for them goes again. */
class Units implements Disposable {
  readonly #top: string;
  readonly #made: string[] = [];

  constructor(top: string) {
    this.#top = top;
  }

  make(...parts: readonly string[]): string {
    let place = this.#top;
    for (const part of parts) {
      place = join(place, part);
      if (existsSync(place)) continue;
      mkdirSync(place);
      this.#made.unshift(place);
    }
    return place;
  }

  [Symbol.dispose](): void {
    for (const place of this.#made) rmdirSync(place);
  }
}

const top = controlGroups();
const skip = top === undefined && 'it takes root and writable control groups';

test('a rule for a unit counts for what systemd put there, and for nobody else', {
  skip,
}, async () => {
  await using pool = await Pool.serving([['a.example', '--role', 'client']], 'socket_mode 0666\n');
  chmodSync(pool.folder, 0o755);
  using units = new Units(top ?? '');
  const slice = `tlspool${process.pid}.slice`;
  const web = units.make(slice, 'web.service');
  const mail = units.make(slice, 'mail.service');
  const fake = units.make('user.slice', slice, 'web.service');
  const act = async (place: string) => {
    const args = ['-c', script, folder, pool.socket, String(USER), place];
    const { stdout, stderr } = await run('python3', args);
    assert.notEqual(stdout, '', stderr);
    return stdout;
  };
  const refused = /^13: user 61003 may not act as a\.example/;
  assert.match(await act(web), refused);
  const rule = ['--user', String(USER), '--as', 'a.example', '--unit', 'web.service'];
  await pool.command('authz', 'allow-program', ...rule, '--name', 'web');
  // Let through: what fails then is the connection, whose other end is gone.
  assert.doesNotMatch(await act(web), refused);
  for (const place of [mail, fake, '']) assert.match(await act(place), refused);

  // They are gathered before they are written.
  let told: string[] = [];
  await until('all decisions', async () => {
    const { decisions } = JSON.parse(await pool.command('authz', 'log', '--json'));
    told = decisions.map((one: { unit: string; allowed: boolean; rule: string | null }) => {
      return `${one.unit} ${one.allowed} ${one.rule}`;
    });
    return told.includes('web.service true web') && told.includes('mail.service false null');
  });
  assert.equal(told.filter((one: string) => one.startsWith('web.service true')).length, 1);
});
