import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { status } from '../../src/client/administration.ts';
import { removeRule } from '../../src/core/authz/change-rules.ts';
import { readDecisions } from '../../src/core/authz/decision-log.ts';
import { openStore } from '../../src/core/store/store.ts';
import { until } from '../patience.ts';
import { Pool } from './stage/pool.ts';
import { Running, run } from './stage/running.ts';

const folder = fileURLToPath(new URL('python', import.meta.url));
/** Numbers that need no account. */
const [ONE, OTHER, GROUP] = [61_001, 61_002, 61_100];

/**
 * Becomes a user, and serves one TLS client as an identity; says `served`, or why not. WAIT: the client begins when a
 * line comes in. DETACH: lets go of the session, and takes it up again when a line comes in.
 */
const script = `
import encodings.idna, os, socket, ssl, sys, threading
sys.path.insert(0, sys.argv[1])
from tlspool_client import *
uid, groups = int(sys.argv[3]), [int(group) for group in sys.argv[5:]]
os.setgroups(groups); os.setgid(uid); os.setuid(uid)
ours, theirs = socket.socketpair()
def client():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if 'WAIT' in os.environ: sys.stdin.readline()
    try:
        kept = context.wrap_socket(theirs, server_hostname=sys.argv[4])
        threading.Event().wait()
    except (OSError, ssl.SSLError) as error:
        print('client:', error, file=sys.stderr)
threading.Thread(target=client, daemon=True).start()
try:
    flags = LOCALROLE_SERVER | REMOTEROLE_CLIENT | IGNORE_REMOTEID
    pool = Pool(sys.argv[2])
    session = pool.starttls(ours, flags, localid=sys.argv[4])
    print("served", session.localid, flush=True)
    if 'DETACH' in os.environ:
        pool.control(CMD_DETACH, session.ctlkey)
        print("detached", session.ctlkey.hex(), flush=True)
        sys.stdin.readline()
        pool.control(CMD_REATTACH, session.ctlkey)
        print("reattached")
except PoolError as error:
    print("refused", error)
`;

const onlyRoot = process.getuid?.() === 0 ? false : 'it takes root to become somebody else';

test('two users: one may act as a.example, the other may not', { skip: onlyRoot }, async () => {
  await using pool = await Pool.serving([['a.example'], ['b.example']], 'socket_mode 0666\n');
  chmodSync(pool.folder, 0o755);
  const act = async (uid: number, name: string, ...groups: number[]) => {
    const args = [pool.socket, String(uid), name, ...groups.map(String)];
    const { stdout, stderr } = await run('python3', ['-c', script, folder, ...args]);
    assert.notEqual(stdout, '', stderr);
    return stdout.trim();
  };
  assert.match(await act(ONE, 'a.example'), /^refused 13: user 61001 may not act as a\.example/);

  await pool.command('authz', 'allow-program', '--user', String(ONE), '--as', 'a.example');
  assert.equal(await act(ONE, 'a.example'), 'served a.example');
  assert.match(await act(ONE, 'b.example'), /^refused 13: user 61001 may not act as b\.example/);
  // The command that would allow it comes along.
  assert.match(
    await act(OTHER, 'a.example'),
    /^refused 13: .*tlspool authz allow-program --user 61002 --as a\.example$/,
  );

  await pool.command('authz', 'allow-program', '--group', String(GROUP), '--as', '.');
  assert.equal(await act(OTHER, 'b.example', GROUP), 'served b.example');
  assert.match(await act(OTHER, 'b.example'), /^refused 13/);

  const elsewhere = ['--exe', '/usr/sbin/nginx', '--name', 'narrow'];
  const narrow = ['--user', String(OTHER), '--as', 'b.example', ...elsewhere];
  await pool.command('authz', 'allow-program', ...narrow);
  assert.match(await act(OTHER, 'b.example'), /^refused 13/);

  // They are gathered before they are written.
  await until('both decisions', async () => {
    const { decisions } = JSON.parse(await pool.command('authz', 'log', '--json'));
    const said = decisions.map((one: { uid: number; allowed: boolean; local: string }) => {
      return `${one.uid} ${one.allowed} ${one.local}`;
    });
    return said.includes('61001 true a.example') && said.includes('61002 false a.example');
  });
});

test('a program whose rule is removed while its client takes its time is refused', {
  skip: onlyRoot,
}, async () => {
  await using pool = await Pool.serving([['a.example']], 'socket_mode 0666\n');
  chmodSync(pool.folder, 0o755);
  const rule = ['--user', String(ONE), '--as', 'a.example', '--name', 'mine'];
  await pool.command('authz', 'allow-program', ...rule);
  const args = ['-c', script, folder, pool.socket, String(ONE), 'a.example'];
  await using program = new Running('python3', args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, WAIT: 'yes' },
  });
  await until('it may act', async () => {
    const decisions = await readDecisions(pool.stateDir, 10);
    return decisions.some(({ about, allowed }) => about === 'program' && allowed);
  });
  const said = await pool.command('authz', 'remove', 'mine', '--apply-to-open');
  assert.match(said, /0 open sessions ended/);
  program.child.stdin?.end('begin\n');
  await program.printing(/^refused 13: user 61001 may not act as a\.example/m);
  const expected = 'program true,program false';
  await until('that is written down, once each', async () => {
    const decisions = await readDecisions(pool.stateDir, 10);
    return decisions.map(({ about, allowed }) => `${about} ${allowed}`).join() === expected;
  });
  await until('nothing is left of it', async () => {
    const { sessions } = await status({ socket: pool.socket });
    return sessions === 0;
  });
});

test('a detached session is taken up by the rules of that moment', { skip: onlyRoot }, async () => {
  await using pool = await Pool.serving([['a.example']], 'socket_mode 0666\n');
  chmodSync(pool.folder, 0o755);
  const rule = ['--user', String(ONE), '--as', 'a.example', '--name', 'mine'];
  const args = ['-c', script, folder, pool.socket, String(ONE), 'a.example'];
  const begin = () =>
    new Running('python3', args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, DETACH: 'yes' },
    });
  await pool.command('authz', 'allow-program', ...rule);
  await using allowed = begin();
  await using denied = begin();
  for (const program of [allowed, denied]) await program.printing(/^detached/m);
  allowed.child.stdin?.end('now\n');
  await allowed.printing(/^reattached/m);

  // Nobody tells the daemon.
  {
    await using store = await openStore(pool.stateDir, 'write');
    await store.transaction((transaction) => removeRule(transaction, 'mine'));
  }
  denied.child.stdin?.end('now\n');
  await denied.printing(/^refused 13: user 61001 may not act as a\.example/m);
});

/** Becomes a user, and takes a detached session up; renews it when a line comes in, and keeps it. */
const taker = `
import encodings.idna, os, sys, threading, types
sys.path.insert(0, sys.argv[1])
from tlspool_client import *
uid = int(sys.argv[3])
os.setgroups([]); os.setgid(uid); os.setuid(uid)
session = types.SimpleNamespace(ctlkey=bytes.fromhex(sys.argv[4]), plain=None)
pool = Pool(sys.argv[2])
pool.control(CMD_REATTACH, session.ctlkey)
print("reattached", flush=True)
sys.stdin.readline()
try:
    flags = LOCALROLE_SERVER | REMOTEROLE_CLIENT | IGNORE_REMOTEID
    print("renewed", pool.renegotiate(session, flags).localid, flush=True)
except PoolError as error:
    print("refused", error, flush=True)
threading.Event().wait()
`;

test('a session that another user has taken up is judged as that one from then on', {
  skip: onlyRoot,
}, async () => {
  await using pool = await Pool.serving([['a.example']], 'socket_mode 0666\n');
  chmodSync(pool.folder, 0o755);
  for (const [uid, name] of [
    [ONE, 'before'],
    [OTHER, 'after'],
  ] as const) {
    const rule = ['--user', String(uid), '--as', 'a.example', '--name', name];
    await pool.command('authz', 'allow-program', ...rule);
  }
  const args = ['-c', script, folder, pool.socket, String(ONE), 'a.example'];
  await using first = new Running('python3', args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, DETACH: 'yes' },
  });
  await first.printing(/^detached \w+$/m);
  const [, ctlkey = ''] = /^detached (\w+)$/m.exec(first.stdout) ?? [];
  const taking = ['-c', taker, folder, pool.socket, String(OTHER), ctlkey];
  await using second = new Running('python3', taking, { stdio: ['pipe', 'pipe', 'pipe'] });
  await second.printing(/^reattached/m);
  const removed = await pool.command('authz', 'remove', 'before', '--apply-to-open');
  assert.match(removed, /0 open sessions ended/);
  second.child.stdin?.write('renew\n');
  await second.printing(/^renewed a\.example$/m);
  await until('what was asked about each is written down', async () => {
    const decisions = await readDecisions(pool.stateDir, 10);
    const asked = decisions.flatMap((one) =>
      one.about === 'program' ? [`${one.uid} ${one.allowed}`] : [],
    );
    return asked.sort().join() === '61001 true,61002 true,61002 true';
  });
  const ended = await pool.command('authz', 'remove', 'after', '--apply-to-open');
  assert.match(ended, /1 open session ended/);
});

/** Becomes a user, and talks as an identity to a server that asks nobody who they are; says `closed` when that ends. */
const client = `
import encodings.idna, os, socket, ssl, sys, threading
sys.path.insert(0, sys.argv[1])
from tlspool_client import *
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[5])
uid = int(sys.argv[3])
os.setgroups([]); os.setgid(uid); os.setuid(uid)
ours, theirs = socket.socketpair()
def server():
    kept = context.wrap_socket(theirs, server_side=True)
    threading.Event().wait()
threading.Thread(target=server, daemon=True).start()
flags = LOCALROLE_CLIENT | REMOTEROLE_SERVER
pool = Pool(sys.argv[2])
session = pool.starttls(ours, flags, localid=sys.argv[4], remoteid="www.example.net")
print("talking as", session.localid or "nobody", flush=True)
session.plain.recv(1)
print("closed", flush=True)
`;

test('a client whose server asks for nothing keeps its session while it may act as its identity', {
  skip: onlyRoot,
}, async () => {
  const me = 'a.example';
  await using pool = await Pool.serving([[me, '--role', 'client']], 'socket_mode 0666\n');
  chmodSync(pool.folder, 0o755);
  await pool.command('trust', 'expression', 'set', '1', '--role', 'server');
  const both = join(pool.folder, 'server.pem');
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-subj', '/CN=server', '-keyout', both, '-out', join(pool.folder, 'certificate.pem')],
  ]);
  appendFileSync(both, readFileSync(join(pool.folder, 'certificate.pem')));
  const rule = ['--user', String(ONE), '--as', me, '--name', 'mine'];
  await pool.command('authz', 'allow-program', ...rule);
  const args = ['-c', client, folder, pool.socket, String(ONE), me, both];
  await using program = new Running('python3', args);
  await program.printing(/^talking as nobody/m);
  // By this one it could still be somebody, but not who it is in this session.
  const other = ['--user', String(ONE), '--as', 'b.example', '--apply-to-open'];
  assert.match(await pool.command('authz', 'allow-program', ...other), /0 open sessions ended/);
  const removed = await pool.command('authz', 'remove', 'mine', '--apply-to-open');
  assert.match(removed, /1 open session ended/);
  await program.printing(/^closed/m);
});
