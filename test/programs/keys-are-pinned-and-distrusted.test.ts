import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { connect as connectPool } from '../../src/client/index.ts';
import { openStore } from '../../src/core/store/store.ts';
import { parseExpression } from '../../src/core/trust/expression.ts';
import { fingerprintsOf } from '../../src/core/trust/fingerprints.ts';
import { addPin, listPins, removePins } from '../../src/core/trust/pins.ts';
import { setPolicy } from '../../src/core/trust/policies.ts';
import { dns, type Maker, make, makeRoot } from '../core/trust/made-certificates.ts';
import { until, within } from '../patience.ts';
import { MadeServer } from './stage/made-server.ts';
import { Pool } from './stage/pool.ts';
import { runTlspool } from './stage/running.ts';
import { visit } from './stage/visit.ts';

const root = makeRoot();
const name = (label: string) => `${label}.example.com`;
const keyOf = ({ certificate }: Maker) => fingerprintsOf(certificate).key;
const day = 86_400_000;

/** Signed by itself. */
const alone = (label: string) => make({ names: [dns(name(label))] });
const serving = (...makers: readonly (readonly [string, Maker])[]) =>
  MadeServer.start(new Map(makers.map(([label, maker]) => [name(label), { chain: [maker] }])));

async function made() {
  const pool = await Pool.serving([]);
  const store = await openStore(pool.stateDir, 'write');
  const program = await connectPool({ socket: pool.socket });
  return {
    pool,
    db: store.db,
    expect: async (expression: string) => {
      await setPolicy(store.db, 'server', parseExpression(expression));
    },
    /** The alert that the server hears, and what the program does. */
    visit: async (server: MadeServer, label: string) => {
      // The daemon looks at its store every few milliseconds.
      await pause(20);
      const answer = await visit(program, server.port, name(label));
      return `${await within(label, server.complaint())}: ${answer}`;
    },
    check: async (server: MadeServer, label: string) => {
      const target = `127.0.0.1:${server.port}`;
      const args = ['trust', 'check', target, '--as', name(label)];
      const outcome = await runTlspool(args, { env: pool.environment });
      // Whoever only looks hangs up.
      await within('the end of a look', server.complaint());
      return outcome;
    },
    pins: async (label: string) =>
      (await listPins(store.db))
        .filter(({ remote }) => remote === name(label))
        .map(({ key, source }) => `${source} ${key}`),
    [Symbol.asyncDispose]: async () => {
      program.close();
      await store.close();
      await pool[Symbol.asyncDispose]();
    },
  };
}

const welcome = 'none: welcome';

test('a key is remembered at its first use; another one is refused until somebody says that it is right', async () => {
  await using stage = await made();
  const { pool } = stage;
  const [first, second] = [alone('self'), alone('self')];
  await using before = await serving(['self', first]);
  await using after = await serving(['self', second]);
  await stage.expect('Ip&');

  // Looking remembers nothing.
  assert.equal((await stage.check(before, 'self')).code, 0);
  assert.deepEqual(await stage.pins('self'), []);
  assert.equal(await stage.visit(before, 'self'), welcome);
  await until('a pin', async () => (await stage.pins('self')).length === 1);
  assert.deepEqual(await stage.pins('self'), [`first-use ${keyOf(first)}`]);
  assert.equal(await stage.visit(before, 'self'), welcome);

  const refused =
    /^bad_certificate: the other side is not accepted: self\.example\.com is pinned to another key/;
  assert.match(await stage.visit(after, 'self'), refused);
  const { code, stdout } = await stage.check(after, 'self');
  assert.equal(code, 1);
  assert.match(
    stdout,
    /^self\.example\.com is not believed as a server: .* is pinned to another key/,
  );
  const [, unpin = '', pin = ''] =
    /tlspool (trust unpin \S+), then tlspool (.*)$/m.exec(stdout) ?? [];
  await pool.command(...unpin.split(' '));
  await pool.command(...pin.split(' '));
  assert.deepEqual(await stage.pins('self'), [`operator ${keyOf(second)}`]);
  assert.equal(await stage.visit(after, 'self'), welcome);
  assert.match(await stage.visit(before, 'self'), refused);
});

test('nothing is remembered that was not needed, or of a handshake that failed', async () => {
  await using stage = await made();
  const { pool } = stage;
  const ca = join(pool.folder, 'root.der');
  writeFileSync(ca, root.certificate);
  await pool.command('trust', 'add', ca);
  const vouched = make({ names: [dns(name('vouched'))] }, root);
  const failing = alone('failing');
  await using server = await serving(['vouched', vouched]);
  // In TLS 1.2 a server that misses the client's certificate ends the handshake, having shown its own.
  const wanting = new Map([[name('failing'), { chain: [failing] as const }]]);
  await using strict = await MadeServer.start(wanting, {
    maxVersion: 'TLSv1.2',
    requestCert: true,
    rejectUnauthorized: true,
    ca: [new X509Certificate(root.certificate).toString()],
  });
  await stage.expect('Tp|');
  assert.equal(await stage.visit(server, 'vouched'), welcome);
  await stage.expect('p');
  await pause(20);
  assert.doesNotMatch(await stage.visit(strict, 'failing'), /welcome/);
  assert.equal(await stage.visit(server, 'vouched'), welcome);
  await until('a pin', async () => (await stage.pins('vouched')).length === 1);
  assert.deepEqual(await stage.pins('failing'), []);
});

test('a pin ends when it was said to, and another key takes its place once, in its last days', async () => {
  await using stage = await made();
  const { db } = stage;
  const [old, next, third] = [alone('turns'), alone('turns'), alone('turns')];
  await using before = await serving(['turns', old]);
  await using during = await serving(['turns', next]);
  await using later = await serving(['turns', third]);
  await stage.expect('P');
  const unknown = /^bad_certificate: .* is not pinned to any key/;
  assert.match(await stage.visit(before, 'turns'), unknown);

  const pin = { remote: name('turns'), source: 'operator', rollOverAt: undefined } as const;
  await addPin(db, { ...pin, key: keyOf(old), expiresAt: new Date(Date.now() - 1_000) });
  assert.match(await stage.visit(before, 'turns'), unknown);
  await removePins(db, name('turns'));
  await addPin(db, { ...pin, key: keyOf(old), expiresAt: new Date(Date.now() + day) });
  assert.equal(await stage.visit(before, 'turns'), welcome);
  assert.match(await stage.visit(during, 'turns'), /^bad_certificate: .* pinned to another key/);

  await removePins(db, name('turns'));
  const due = { expiresAt: new Date(Date.now() + day), rollOverAt: new Date(Date.now() - day) };
  await addPin(db, { ...pin, ...due, key: keyOf(old) });
  assert.equal(await stage.visit(before, 'turns'), welcome);
  assert.equal(await stage.visit(during, 'turns'), welcome);
  await until('the change of keys', async () => {
    return (await stage.pins('turns'))[0] === `operator ${keyOf(next)}`;
  });
  assert.equal((await stage.pins('turns')).length, 1);
  for (const server of [before, later]) {
    assert.match(await stage.visit(server, 'turns'), /^bad_certificate: .* pinned to another key/);
  }
});

test('what is distrusted is refused whatever vouches for it, by certificate, key or serial number', async () => {
  await using stage = await made();
  const { pool } = stage;
  const issuer = make({ commonName: 'Issuing CA', ca: true, usage: 'none' }, root);
  const leaf = make({ names: [dns(name('www'))] }, issuer);
  await using server = await MadeServer.start(
    new Map([[name('www'), { chain: [leaf, issuer] as const }]]),
  );
  const file = (label: string, content: Buffer) => {
    const path = join(pool.folder, label);
    writeFileSync(path, content);
    return path;
  };
  await pool.command('trust', 'add', file('root.der', root.certificate));
  await pool.command('trust', 'pin', name('www'), file('leaf.der', leaf.certificate));
  // An anchor and a pin vouch for it.
  await stage.expect('TP|');
  assert.equal(await stage.visit(server, 'www'), welcome);

  const { serialNumber } = new X509Certificate(leaf.certificate);
  const { certificate } = fingerprintsOf(issuer.certificate);
  const ways: readonly (readonly [readonly string[], string, RegExp])[] = [
    [
      [join(pool.folder, 'leaf.der'), '--key', '--note', 'stolen'],
      keyOf(leaf),
      /the certificate .* its key is distrusted \(stolen\)/,
    ],
    [
      [serialNumber],
      serialNumber.toLowerCase().replace(/^0+/, ''),
      /its serial number is distrusted/,
    ],
    [[certificate], certificate, /certificate 2 of the chain .* its certificate is distrusted/],
  ];
  for (const [words, value, why] of ways) {
    await pool.command('trust', 'distrust', ...words);
    const answer = await stage.visit(server, 'www');
    assert.match(answer, /^certificate_revoked: /);
    assert.match(answer, why);
    if (words.includes('--key')) {
      const { code, stdout } = await stage.check(server, 'www');
      assert.equal(code, 1);
      assert.match(stdout, /^www\.example\.com is not believed as a server: .* \(stolen\)\n/);
      const [, remove = ''] =
        /To make it pass: .*: tlspool (trust remove [0-9a-f]+)$/m.exec(stdout) ?? [];
      await pool.command(...remove.split(' '));
    } else await pool.command('trust', 'remove', value);
    assert.equal(await stage.visit(server, 'www'), welcome);
  }
});
