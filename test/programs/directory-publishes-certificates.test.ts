import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Engine } from '../../src/core/engine/engine.ts';
import { parseDonai } from '../../src/core/identity/donai.ts';
import { openStore, type Store } from '../../src/core/store/store.ts';
import { ANYONE, addAnchor } from '../../src/core/trust/anchors.ts';
import { parseExpression } from '../../src/core/trust/expression.ts';
import { Trust } from '../../src/core/trust/trust.ts';
import { type Directory, defaultValidation } from '../../src/core/trust/validation-settings.ts';
import { dns, type Maker, mail, make, makeRoot } from '../core/trust/made-certificates.ts';
import { OwnCa } from './stage/own-ca.ts';
import { Pool } from './stage/pool.ts';
import { freePort } from './stage/ports.ts';
import { runTlspool } from './stage/running.ts';
import { Slapd } from './stage/slapd.ts';

const base = 'dc=example,dc=com';
const root = makeRoot();
const issued = (user: string) =>
  make({ names: [mail(`${user}@example.com`)], usage: 'client' }, root);
const [mary, older, john, anna] = ['mary', 'mary', 'john', 'anna'].map(issued) as [
  Maker,
  Maker,
  Maker,
  Maker,
];
const publish = ({ certificate }: Maker) =>
  `userCertificate;binary:: ${certificate.toString('base64')}`;

let ca: OwnCa;
let slapd: Slapd;
let engine: Engine;
let store: Store;

before(async () => {
  ca = new OwnCa();
  const tls = { port: await freePort(), ...ca.issue('localhost') };
  const more = { mary: [publish(older), publish(mary)], john: [publish(anna)] };
  const groups = { staff: ['mary', 'john', 'anna'] };
  slapd = await Slapd.start(ca.folder, await freePort(), groups, { tls, more });
  engine = Engine.start({ threads: 1 });
  store = await openStore(join(ca.folder, 'state'), 'create');
  const { certificate } = root;
  await addAnchor(store.db, { certificate, role: 'both', selectors: ANYONE, source: 'operator' });
});

after(async () => {
  await engine.stop();
  await store.close();
  await slapd[Symbol.asyncDispose]();
  ca[Symbol.dispose]();
});

/** What becomes of `G` and `g` for a client that shows the certificate. */
async function asked(shown: Maker, expected: string, changes: Partial<Directory> = {}) {
  const directory = { url: slapd.secureUrl, base, caFile: ca.file, ...changes };
  const trust = new Trust(store, engine, () => ({ ...defaultValidation, directory }));
  try {
    await trust.refresh();
    const verdict = await trust.validate({
      chain: [shown.certificate],
      remoteRole: 'client',
      expected: parseDonai(expected),
      expressions: [parseExpression('TGg&&')],
      explain: true,
    });
    const of = (letter: string) =>
      verdict.report?.findings.find((finding) => finding.letter === letter);
    return {
      verdict,
      values: `${of('G')?.value} ${of('g')?.value}`,
      looked: of('G')?.looked ?? '',
    };
  } finally {
    trust.close();
  }
}

test('a certificate is what the directory has for that mail, or it is not', async () => {
  const published = await asked(mary, 'mary@example.com');
  assert.equal(published.values, 'true true', published.looked);
  assert.ok(published.verdict.ok);
  assert.equal(published.verdict.validatedBy, 'TGg');
  const seconds = published.verdict.until - Date.now() / 1000;
  assert.ok(seconds > 0 && seconds <= 300, `its word is kept for 300 s, not ${seconds}`);
  assert.equal((await asked(older, 'mary@example.com')).values, 'true true', 'one of two');

  const another = await asked(john, 'john@example.com');
  assert.equal(another.values, 'false false');
  assert.match(another.looked, /has another certificate/);
  const none = await asked(anna, 'anna@example.com');
  assert.equal(none.values, 'false true');
  assert.match(none.looked, /has no certificate for anna@example\.com/);
  assert.equal(none.verdict.ok, false);
});

test('of nobody else is asked than of who it is: no pattern, no domain', async () => {
  // Characters that mean something in a filter (RFC 4515) are what users may be called.
  const star = make({ names: [mail('*@example.com')], usage: 'client' }, root);
  assert.equal((await asked(star, '*@example.com')).values, 'false true');
  const host = make({ names: [dns('www.example.com')] }, root);
  assert.equal((await asked(host, 'www.example.com')).values, 'unknown unknown');
});

test('a directory that is not there, or nobody vouches for, leaves it unknown: refused by both', async () => {
  const gone = await asked(mary, 'mary@example.com', {
    url: `ldaps://localhost:${await freePort()}`,
  });
  assert.deepEqual([gone.values, gone.verdict.ok], ['unknown unknown', false]);
  assert.match(gone.looked, /gives no answer/);
  const strange = await asked(mary, 'mary@example.com', { caFile: undefined });
  assert.deepEqual([strange.values, strange.verdict.ok], ['unknown unknown', false]);
  const misnamed = await asked(mary, 'mary@example.com', {
    url: slapd.secureUrl.replace('localhost', '127.0.0.1'),
  });
  assert.equal(misnamed.values, 'unknown unknown');
});

test('`trust check` asks the directory of tlspool.conf', async () => {
  await using pool = await Pool.create([]);
  const file = (name: string, content: string | Buffer) => {
    const path = join(pool.folder, name);
    writeFileSync(path, content);
    return path;
  };
  const settings = [
    `directory ${slapd.secureUrl}`,
    `directory_base ${base}`,
    `directory_ca ${ca.file}`,
  ];
  file('tlspool.conf', `${settings.join('\n')}\n`);
  const anchor = ['--role', 'client', '--for', '@example.com'];
  await pool.command('trust', 'add', file('root.der', root.certificate), ...anchor);
  await pool.command('trust', 'expression', 'set', 'TG&', '--role', 'client');
  const check = async (name: string, { certificate }: Maker) => {
    const args = ['trust', 'check', '--chain', file(`${name}.der`, certificate)];
    return await runTlspool(args, { env: pool.environment });
  };
  const [good, bad] = await Promise.all([check('mary', mary), check('john', john)]);
  assert.equal(good.code, 0, good.stdout + good.stderr);
  assert.match(good.stdout, /^mary@example\.com is believed as a client\.\n/);
  assert.equal(bad.code, 1, bad.stderr);
  assert.match(
    bad.stdout,
    /^john@example\.com is not believed as a client: ldaps:\S+ has another certificate for/,
  );
  assert.match(bad.stdout, /To make it pass: Publish the certificate there/);
});
