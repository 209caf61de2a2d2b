import assert from 'node:assert/strict';
import { createPrivateKey, type KeyObject, randomBytes } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { findSoftHsm } from '../../src/core/token/modules.ts';
import { root } from '../built.ts';
import { connected, readAll } from './stage/clients.ts';
import { PlainServer } from './stage/plain-server.ts';
import { Pool } from './stage/pool.ts';
import { Running, run, tlspoolCommand } from './stage/running.ts';
import { tunnelled } from './stage/wrapped.ts';

const stage = new AsyncDisposableStack();
let pool: Pool;
/** Keys that we know, as they were made outside: what must not be found. */
const known: KeyObject[] = [];

before(async () => {
  pool = stage.use(await Pool.create([['www.example.com']]));
  known.push(await imported('rsa.example.com', ['rsa:2048']));
  known.push(await imported('ec.example.com', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']));
});
after(() => stage.disposeAsync());

/** Makes a key and gives it to the pool as PKCS #12; gives it to the test too. */
async function imported(id: string, kind: readonly string[]): Promise<KeyObject> {
  const at = (name: string) => join(pool.folder, `${id}.${name}`);
  const passphrase = randomBytes(12).toString('hex');
  const names = ['-subj', `/CN=${id}`, '-addext', `subjectAltName=DNS:${id}`];
  const certificate = ['-x509', '-days', '30', '-keyout', at('key'), '-out', at('crt')];
  await succeeded('openssl', ['req', '-noenc', '-newkey', ...kind, ...names, ...certificate]);
  const bundle = ['-inkey', at('key'), '-in', at('crt'), '-out', at('p12')];
  await succeeded('openssl', ['pkcs12', '-export', ...bundle, '-passout', `pass:${passphrase}`]);
  writeFileSync(at('passphrase'), passphrase);
  chmodSync(at('passphrase'), 0o600);
  const args = ['identities', 'import', id, at('p12'), '--passphrase-file', at('passphrase')];
  await pool.command(...args);
  return createPrivateKey(readFileSync(at('key')));
}

async function succeeded(command: string, args: readonly string[]): Promise<string> {
  const env = { ...process.env, SOFTHSM2_CONF: join(pool.stateDir, 'softhsm2.conf') };
  const { code, stdout, stderr } = await run(command, args, { env });
  assert.equal(code, 0, stderr);
  return stdout;
}

/** The numbers that make a private key private, as files and memory would hold them. */
function secretsOf(key: KeyObject): Buffer[] {
  const { d, p, q, dp, dq, qi } = key.export({ format: 'jwk' });
  const numbers = [d, p, q, dp, dq, qi].filter((number) => number !== undefined);
  return numbers.flatMap((number) => {
    const big = Buffer.from(number, 'base64url');
    return [big, Buffer.from(big).reverse(), Buffer.from(big.toString('hex'))];
  });
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}

test('pkcs11-tool finds every private key in the token never extractable', async () => {
  const pin = readFileSync(join(pool.stateDir, 'pin'), 'utf8').trim();
  const look = ['--login', '--pin', pin, '--list-objects', '--type', 'privkey'];
  const listed = await succeeded('pkcs11-tool', ['--module', findSoftHsm(), ...look]);
  const access = listed.match(/Access:.*/g) ?? [];
  // Two roots and an identity were made in the token; the two that came with PKCS #12 were outside before.
  const inside = access.filter((line) => line.includes('never extractable'));
  assert.equal(inside.length, 3, listed);
  assert.equal(access.length, 5, listed);
  for (const line of access) {
    assert.match(line, /sensitive/);
    assert.doesNotMatch(line, /(?<!never )extractable/);
  }
});

test('no file of the pool holds a private key in clear, its token included', () => {
  const files = filesBelow(pool.stateDir);
  assert.ok(files.some((path) => path.includes('/tokens/')));
  for (const path of files) {
    const content = readFileSync(path);
    assert.ok(!content.includes('PRIVATE KEY-----'), path);
    for (const secret of known.flatMap(secretsOf)) assert.ok(!content.includes(secret), path);
  }
});

/** Starts a daemon with cores allowed as far as the system goes, and tells how it ended. */
const parent = `
import os, resource, sys
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
os.chdir(sys.argv[1])
child = os.fork()
if child == 0:
    bond = [sys.argv[2], "--parent", str(os.getppid()), "--"]
    os.execv(bond[0], bond + sys.argv[3:])
print(child, flush=True)
_, status = os.waitpid(child, 0)
print("signal", os.WTERMSIG(status), "core", os.WCOREDUMP(status), flush=True)
`;

test('a daemon that has signed and crashes leaves no core', async () => {
  const serve = tlspoolCommand('serve');
  const order = ['-c', parent, pool.folder, join(root, 'build/launcher'), ...serve];
  await using daemon = new Running('python3', order, { env: pool.environment });
  await daemon.saying(/ready/);
  const [, pid] = await daemon.printing(/^(\d+)$/m);
  await using echo = await PlainServer.echo();
  for (const id of ['rsa.example.com', 'ec.example.com']) {
    await using served = await tunnelled(pool, '--local-id', id, '--connect', echo.address);
    const own = { servername: id, ca: readFileSync(join(pool.folder, `${id}.crt`)) };
    const socket = await connected(pool, served.port, own);
    socket.end('signed');
    assert.equal(await readAll(socket), 'signed');
  }
  const limits = readFileSync(`/proc/${pid}/limits`, 'latin1');
  assert.match(limits, /Max core file size +0 +0 /);
  process.kill(Number(pid), 'SIGSEGV');
  const [, core] = await daemon.printing(/signal 11 core (\w+)/);
  assert.equal(core, 'False');
  assert.deepEqual(
    readdirSync(pool.folder).filter((name) => name.startsWith('core')),
    [],
  );
});
