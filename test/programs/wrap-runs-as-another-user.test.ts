import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { name } from './stage/clients.ts';
import { ListeningPrograms, say } from './stage/listening-programs.ts';
import { Running, run, tlspoolCommand } from './stage/running.ts';

const USER = 61_003;
const become = ['--reuid', `${USER}`, '--regid', `${USER}`, '--clear-groups', '--no-new-privs'];

let programs: ListeningPrograms;
let environment: NodeJS.ProcessEnv;
/** These files may be in a folder that is closed to others. */
let skip: string | false = 'it takes root to become somebody else';

before(async () => {
  if (process.getuid?.() !== 0) return;
  programs = await ListeningPrograms.create('socket_mode 0666\n');
  const { pool } = programs;
  chmodSync(pool.folder, 0o755);
  const home = join(pool.folder, 'home');
  mkdirSync(home);
  chownSync(home, USER, USER);
  environment = { ...pool.environment, HOME: home, XDG_RUNTIME_DIR: home };
  // Of a user id without an entry in the user database nothing else tells the shell.
  delete environment.SHELL;
  await pool.command('authz', 'allow-program', '--user', `${USER}`, '--as', name);
  const version = [...become, ...tlspoolCommand('--version')];
  const readable = await run('setpriv', version, { env: environment, cwd: '/' });
  skip = readable.code === 0 ? false : 'these files are not for others to read';
});
after(() => programs?.[Symbol.asyncDispose]());

function asUser(...args: readonly string[]): Running {
  const command = [...become, ...tlspoolCommand('wrap', ...args)];
  return new Running('setpriv', command, { env: environment, cwd: '/' });
}

test('a user without any rights wraps a program, as an identity that was given to it', async (t) => {
  if (skip) return t.skip(skip);
  await using running = asUser('--local-id', name, '--', ...programs.command('counting.py'));
  const [, port] = await running.saying(/tlspool wrap: \S+:(\d+): TLS/);
  assert.equal(await say(programs, Number(port)), '1');
  assert.equal(await say(programs, Number(port)), '2');
  running.child.kill('SIGTERM');
  assert.equal(await running.ended, 143, running.stderr);
});

test('it is not told which identities there are', async (t) => {
  if (skip) return t.skip(skip);
  await using running = asUser('--dry-run', '--tls', '8443', '--', 'true');
  assert.equal(await running.ended, 125);
  assert.match(running.stdout, /^no {3}an identity to show: .* this user is not told\. Say which/m);
});

test('nor does a user id need an entry in the user database, or a home', async (t) => {
  if (skip) return t.skip(skip);
  const { HOME: _, XDG_RUNTIME_DIR: __, ...bare } = environment;
  const asked = [...become, ...tlspoolCommand('authz', 'check', 'a@b.example', '--to', name)];
  const { code, stderr } = await run('setpriv', [...asked, '--service', 'http'], {
    env: bare,
    cwd: '/',
  });
  assert.doesNotMatch(stderr, /ENOENT|userInfo|passwd/);
  assert.equal(code, 2, stderr);
});
