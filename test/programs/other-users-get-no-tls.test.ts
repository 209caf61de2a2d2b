import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { OtherUser } from './stage/other-user.ts';
import { Pool } from './stage/pool.ts';
import { run, tlspoolCommand } from './stage/running.ts';

const folder = fileURLToPath(new URL('python', import.meta.url));
const NOBODY = 65_534;

const script = `
import os, socket, sys
sys.path.insert(0, sys.argv[1])
from tlspool_client import *
os.setgroups([]); os.setgid(${NOBODY}); os.setuid(${NOBODY})
pool = Pool(sys.argv[2])
assert pool.ping()[1] == 1
for attempt in (
    lambda: pool.starttls(socket.socketpair()[0], LOCALROLE_SERVER | REMOTEROLE_CLIENT, localid="www.example.com"),
    lambda: pool.control(CMD_REATTACH, bytes(16)),
):
    try:
        attempt()
        raise AssertionError("it was allowed")
    except PoolError as error:
        assert error.number == 13, error
        print(error)
admin = socket.socket(socket.AF_UNIX)
admin.settimeout(100)
try:
    admin.connect(sys.argv[2] + ".admin")
    raise AssertionError("it was let in")
except PermissionError:
    print("no administration")
`;

test('whoever may connect may ask who is there, and nothing else', {
  skip: process.getuid?.() === 0 ? false : 'it takes root to become somebody else',
}, async () => {
  await using pool = await Pool.serving([['www.example.com']], 'socket_mode 0666\n');
  chmodSync(pool.folder, 0o755);
  const { code, stdout, stderr } = await run('python3', ['-c', script, folder, pool.socket]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /user 65534 may not act as www\.example\.com/);
  assert.match(stdout, /no administration/);
});

test('whoever may connect and not administer is told just that, and why the state cannot be read', {
  skip: process.getuid?.() === 0 ? false : 'it takes root to become somebody else',
}, async (t) => {
  await using pool = await Pool.serving([['www.example.com']], 'socket_mode 0666\n');
  const user = await OtherUser.of(pool, 'www.example.com');
  if (user.skip !== false) return t.skip(user.skip);
  const tried = async (...args: string[]) => {
    const [file = '', ...rest] = OtherUser.become(tlspoolCommand(...args));
    return run(file, rest, { env: user.environment, cwd: '/' });
  };
  assert.equal((await tried('ping')).code, 0);
  for (const args of [['status'], ['sessions', 'list']]) {
    const { code, stderr } = await tried(...args);
    assert.equal(code, 3);
    assert.match(stderr, /^Error: this user may not administer the pool at .*\nOnly root and /);
  }
  const { code, stderr } = await tried('identities', 'list');
  assert.equal(code, 1);
  assert.match(stderr, /^Error: \S+ cannot be used: permission denied\n/);
});
