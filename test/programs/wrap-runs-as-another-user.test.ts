import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { name } from './stage/clients.ts';
import { ListeningPrograms, say } from './stage/listening-programs.ts';
import { OtherUser } from './stage/other-user.ts';
import { Running, run, tlspoolCommand } from './stage/running.ts';

let programs: ListeningPrograms;
let user: OtherUser;
let skip: string | false = 'it takes root to become somebody else';

before(async () => {
  if (process.getuid?.() !== 0) return;
  programs = await ListeningPrograms.create('socket_mode 0666\n');
  user = await OtherUser.of(programs.pool, name);
  skip = user.skip;
});
after(() => programs?.[Symbol.asyncDispose]());

function asUser(...args: readonly string[]): Running {
  const [file = '', ...rest] = OtherUser.become(tlspoolCommand('wrap', ...args));
  return new Running(file, rest, { env: user.environment, cwd: '/' });
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

test('what it may not look at fails, and nothing of it is in the clear', async (t) => {
  if (skip) return t.skip(skip);
  const command = programs.command('not-to-be-looked-at.c');
  await using running = asUser('--local-id', name, '--', ...command);
  assert.equal(await running.ended, 0, running.stderr + running.stdout);
  // Of what is alike, the first is told.
  const refused =
    /listen\(\) of a program \([1-9]\d*\) was refused: the socket cannot be looked at/;
  assert.match(running.stderr, refused);
});

test('nor does a user id need an entry in the user database, or a home', async (t) => {
  if (skip) return t.skip(skip);
  const { HOME: _, XDG_RUNTIME_DIR: __, ...bare } = user.environment;
  const check = tlspoolCommand('authz', 'check', 'a@b.example', '--to', name, '--service', 'http');
  const [file = '', ...args] = OtherUser.become(check);
  const { code, stderr } = await run(file, args, { env: bare, cwd: '/' });
  assert.doesNotMatch(stderr, /ENOENT|userInfo|passwd/);
  assert.equal(code, 2, stderr);
});
