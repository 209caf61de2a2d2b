import assert from 'node:assert/strict';
import { readFileSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { connect as connectPool } from '../../src/client/index.ts';
import { openStore } from '../../src/core/store/store.ts';
import { findSoftHsm } from '../../src/core/token/modules.ts';
import { addPin, listPins } from '../../src/core/trust/pins.ts';
import { dns, make } from '../core/trust/made-certificates.ts';
import { event, until } from '../patience.ts';
import { handedOver } from './stage/handed-over.ts';
import { MadeServer } from './stage/made-server.ts';
import { Pool } from './stage/pool.ts';
import { run, runTlspool } from './stage/running.ts';
import { cannotMount, SmallDisk } from './stage/small-disk.ts';
import { visit } from './stage/visit.ts';

const name = 'www.example.com';
const remote = 'self.example.com';
const skip = cannotMount();

/** Each writes to the store, the first to the token before. */
const changes = [
  ['identities', 'create', 'new.example.com', '--key', 'ec-p256'],
  ['trust', 'pin', 'other.example.com', 'ab'.repeat(32)],
  ['authz', 'allow', 'john@example.com', '--to', name],
] as const;

let pool: Pool;

before(async () => {
  if (skip !== false) return;
  pool = await Pool.create([[name, '--key', 'ec-p256']]);
  await pool.command('trust', 'expression', 'set', 'Ip&', '--role', 'server');
  await pool.command('authz', 'allow', 'mary@example.com', '--to', name);
});

after(async () => {
  await pool?.[Symbol.asyncDispose]();
});

/** Every change says what stands in its way and what to do, and leaves everything as it was. */
async function refused(why: { readonly token: RegExp; readonly store: RegExp }): Promise<void> {
  const earlier = await contents();
  for (const change of changes) {
    const { code, stdout, stderr } = await runTlspool(change, { env: pool.environment });
    const said = `tlspool ${change.join(' ')}: ${stdout}${stderr}`;
    assert.equal(code, 1, said);
    assert.match(stderr, change[0] === 'identities' ? why.token : why.store, said);
    assert.match(stderr, /free some space|read-only|not writable/i, said);
    assert.doesNotMatch(stderr, /^\s+at |node:internal/m, said);
  }
  assert.deepEqual(await contents(), earlier);
}

/** What there is in the store and in the token; fails where the store is not sound. */
async function contents() {
  const show = async (...args: string[]) => JSON.parse(await pool.command(...args, '--json'));
  await using store = await openStore(pool.stateDir, 'read');
  const { rows } = await sql<{ integrity_check: string }>`pragma integrity_check`.execute(store.db);
  assert.deepEqual(rows, [{ integrity_check: 'ok' }]);
  return {
    identities: await show('identities', 'list'),
    rules: await show('authz', 'list'),
    pins: await listPins(store.db),
    keys: await keys(),
  };
}

/** What pkcs11-tool, another implementation's client, sees in the token. */
async function keys(): Promise<string[]> {
  const pin = readFileSync(join(pool.stateDir, 'pin'), 'utf8').trim();
  const token = ['--module', findSoftHsm(), '--token-label', 'tlspool', '--login', '--pin', pin];
  const env = { ...process.env, SOFTHSM2_CONF: join(pool.stateDir, 'softhsm2.conf') };
  const { code, stdout, stderr } = await run('pkcs11-tool', [...token, '--list-objects'], { env });
  assert.equal(code, 0, stderr);
  return stdout
    .split('\n')
    .filter((line) => /^ *(label|ID):/.test(line))
    .sort();
}

/** Pins a remote to another key than it shows, which may take the place of that one from now on. */
async function dueToTurn(remote: string): Promise<void> {
  const [rollOverAt, expiresAt] = [-1, 1].map((days) => new Date(Date.now() + days * 86_400_000));
  await using store = await openStore(pool.stateDir, 'write');
  const pin = { remote, key: 'cd'.repeat(32), source: 'operator', rollOverAt, expiresAt } as const;
  await addPin(store.db, pin);
}

const full = {
  token: /is the disk full/,
  store: /the disk is full: .*store\.sqlite could not be written\n.*Free some space/,
};
const sealed = {
  token: /or its folder not writable/,
  store: /store\.sqlite cannot be (opened|written)\n.*is read-only/,
};

test('a daemon serves on a full and a read-only disk, and believes new keys only when there is space to remember them', {
  skip,
}, async () => {
  using disk = new SmallDisk(pool.stateDir);
  const [known, turning] = ['known.example.com', 'turning.example.com'];
  const shown = (name: string) =>
    [name, { chain: [make({ names: [dns(name)] })] as const }] as const;
  // With TLS 1.2 tickets come before the handshake ends.
  const servers = new Map([remote, known, turning].map(shown));
  await using server = await MadeServer.start(servers, { maxVersion: 'TLSv1.2' });
  await dueToTurn(turning);
  await pool.serve('authorisation_mode monitor\n');
  const program = await connectPool({ socket: pool.socket });
  const visits = (who: string) => visit(program, server.port, who);
  /** Signs in the token, decides, and believes a key that is remembered. */
  const serves = async () => {
    using session = await handedOver(program, pool, name);
    session.tls.write('hello');
    assert.equal(String((await event(session.plain, 'data'))[0]), 'hello');
    assert.equal(await visits(known), 'welcome');
    assert.equal(pool.daemon.child.exitCode, null);
  };
  const decided = async () =>
    JSON.parse(await pool.command('authz', 'log', '--json')).decisions.length;

  assert.equal(await visits(known), 'welcome');
  disk.fill();
  await refused(full);
  await serves();
  // A first use, and a key that takes another's place; nothing of the first attempt helps the second.
  for (const who of [remote, turning, remote, turning]) {
    assert.match(
      await visits(who),
      /not accepted: its key is new, and cannot be remembered: the disk is full: /,
    );
  }
  await pool.daemon.saying(/remembered: the disk is full: .*store\.sqlite could not be written"/);
  await pool.daemon.saying(/ENOSPC[^\n]*decisions cannot be written/);
  assert.equal(await decided(), 0);

  disk.free();
  disk.seal();
  await refused(sealed);
  await serves();

  disk.unseal();
  for (const change of changes) await pool.command(...change);
  await serves();
  for (const who of [remote, turning]) assert.equal(await visits(who), 'welcome');
  await until('decisions are written again', async () => (await decided()) > 0);
  const { pins } = await contents();
  assert.deepEqual(
    pins.map(({ remote, source }) => `${remote} ${source}`),
    [
      `${known} first-use`,
      'other.example.com operator',
      `${remote} first-use`,
      `${turning} operator`,
    ],
  );
  program.close();
  await pool.stopServing();
});

test('a key that was made in a token elsewhere does not stay there when the disk of the store is full or read-only', {
  skip,
}, async () => {
  const tokens = join(pool.stateDir, 'tokens');
  const elsewhere = join(pool.folder, 'tokens');
  renameSync(tokens, elsewhere);
  symlinkSync(elsewhere, tokens);
  using disk = new SmallDisk(pool.stateDir);

  const startsNot = async (why: RegExp) => {
    const { code, stderr } = await runTlspool(['serve'], { env: pool.environment });
    assert.equal(code, 1, stderr);
    assert.match(stderr, why);
  };

  disk.seal();
  await refused({ ...sealed, token: sealed.store });
  await startsNot(sealed.store);
  disk.unseal();

  disk.fill();
  await startsNot(full.store);
  // Who only reads needs no room.
  assert.match(await pool.command('identities', 'list'), /www\.example\.com/);
  disk.free();
  {
    // Others have the store open, so that it is not before the end that there is no room.
    await using _other = await openStore(pool.stateDir, 'write');
    disk.fill();
    await refused({ ...full, token: full.store });
  }

  disk.free();
  for (const change of changes) await pool.command(...change);
});
