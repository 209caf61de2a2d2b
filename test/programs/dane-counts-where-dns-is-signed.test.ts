import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect as connectPool } from '../../src/client/index.ts';
import { Engine } from '../../src/core/engine/engine.ts';
import { parseDonai } from '../../src/core/identity/donai.ts';
import { openStore, type Store } from '../../src/core/store/store.ts';
import { ANYONE, addAnchor } from '../../src/core/trust/anchors.ts';
import { parseExpression } from '../../src/core/trust/expression.ts';
import { Trust } from '../../src/core/trust/trust.ts';
import { defaultValidation } from '../../src/core/trust/validation-settings.ts';
import { dns, type Maker, make, makeRoot } from '../core/trust/made-certificates.ts';
import { within } from '../patience.ts';
import { MadeServer } from './stage/made-server.ts';
import { Pool } from './stage/pool.ts';
import { freePort } from './stage/ports.ts';
import { runTlspool } from './stage/running.ts';
import { Unbound } from './stage/unbound.ts';
import { visit } from './stage/visit.ts';

const zone = 'signed.example';
const known = makeRoot('Known CA');
const stranger = makeRoot('Stranger CA');

/** A leaf for the name, from a CA that the pool trusts or another. */
function leaf(name: string, issuer?: Maker): Maker {
  return make({ names: [dns(name)] }, issuer);
}

const spki = ({ certificate }: Maker) =>
  new X509Certificate(certificate).publicKey.export({ format: 'der', type: 'spki' });
const sha = (bits: 256 | 512, content: Buffer) =>
  createHash(`sha${bits}`).update(content).digest('hex');

interface Case {
  /** TLSA records, without their name. */
  readonly records: readonly string[];
  readonly chain: readonly [Maker, ...Maker[]];
  /** Value of `D`, and of `d`. */
  readonly D: 'true' | 'false' | 'unknown';
  readonly d?: 'true' | 'false' | 'unknown';
  /** What it looked at. */
  readonly looked: RegExp;
}

function certificateCases(): Record<string, Case> {
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => leaf(`${name}.${zone}`)) as [
    Maker,
    Maker,
    Maker,
    Maker,
  ];
  const elsewhere = leaf('elsewhere.example');
  const ours = leaf(`pkix-ee.${zone}`, known);
  const untrusted = leaf(`pkix-ee-untrusted.${zone}`, stranger);
  const rooted = leaf(`pkix-ta.${zone}`, known);
  const anchored = ['dane-ta', 'dane-ta-key', 'dane-ta-in-dns', 'dane-ta-not-sent'];
  const named = [...anchored, 'dane-ta-garbage', 'pkix-ta-untrusted'];
  const bySelf = make({ names: named.map((name) => dns(`${name}.${zone}`)) }, stranger);
  const misnamed = leaf('elsewhere.example', stranger);
  const agrees = (record: string) => new RegExp(`a TLSA record ${record} that agrees`);
  const none = /none of the \d TLSA records of \S+ agrees/;
  return {
    'ee-key': {
      records: [`3 1 1 ${sha(256, spki(a))}`],
      chain: [a],
      D: 'true',
      looked: agrees('3 1 1'),
    },
    'ee-key-512': {
      records: [`3 1 2 ${sha(512, spki(a))}`],
      chain: [a],
      D: 'true',
      looked: agrees('3 1 2'),
    },
    'ee-certificate': {
      records: [`3 0 1 ${sha(256, b.certificate)}`],
      chain: [b],
      D: 'true',
      looked: agrees('3 0 1'),
    },
    'ee-whole': {
      records: [`3 0 0 ${c.certificate.toString('hex')}`],
      chain: [c],
      D: 'true',
      looked: agrees('3 0 0'),
    },
    // With usage 3 nothing else in the certificate matters (RFC 7671 section 5.1).
    'ee-other-name': {
      records: [`3 1 1 ${sha(256, spki(elsewhere))}`],
      chain: [elsewhere],
      D: 'true',
      looked: agrees('3 1 1'),
    },
    mismatch: { records: [`3 1 1 ${sha(256, spki(a))}`], chain: [d], D: 'false', looked: none },
    'one-of-many': {
      records: [`3 1 1 ${sha(256, spki(a))}`, `3 1 1 ${sha(256, spki(d))}`],
      chain: [d],
      D: 'true',
      looked: agrees('3 1 1'),
    },
    // Of digests for the same usage and selector the strongest counts (RFC 7671 section 9).
    'weaker-digest': {
      records: [`3 1 1 ${sha(256, spki(a))}`, `3 1 2 ${sha(512, spki(d))}`],
      chain: [a],
      D: 'false',
      looked: none,
    },
    'stronger-digest': {
      records: [`3 1 1 ${sha(256, spki(d))}`, `3 1 2 ${sha(512, spki(a))}`],
      chain: [a],
      D: 'true',
      looked: agrees('3 1 2'),
    },
    'digests-of-others': {
      records: [
        `3 1 1 ${sha(256, spki(a))}`,
        `3 0 2 ${sha(512, d.certificate)}`,
        `1 1 2 ${sha(512, spki(d))}`,
      ],
      chain: [a],
      D: 'true',
      looked: agrees('3 1 1'),
    },
    'whole-beside-digest': {
      records: [`3 0 0 ${c.certificate.toString('hex')}`, `3 0 2 ${sha(512, d.certificate)}`],
      chain: [c],
      D: 'true',
      looked: agrees('3 0 0'),
    },
    'dane-ta': {
      records: [`2 0 1 ${sha(256, stranger.certificate)}`],
      chain: [bySelf, stranger],
      D: 'true',
      looked: agrees('2 0 1'),
    },
    'dane-ta-key': {
      records: [`2 1 1 ${sha(256, spki(stranger))}`],
      chain: [bySelf, stranger],
      D: 'true',
      looked: agrees('2 1 1'),
    },
    // The issuer stands in DNS itself, and need not be sent.
    'dane-ta-in-dns': {
      records: [`2 0 0 ${stranger.certificate.toString('hex')}`],
      chain: [bySelf],
      D: 'true',
      looked: agrees('2 0 0'),
    },
    'dane-ta-not-sent': {
      records: [`2 0 1 ${sha(256, stranger.certificate)}`],
      chain: [bySelf],
      D: 'false',
      looked: none,
    },
    'dane-ta-other-name': {
      records: [`2 0 1 ${sha(256, stranger.certificate)}`],
      chain: [misnamed, stranger],
      D: 'false',
      looked: none,
    },
    'dane-ta-garbage': { records: ['2 0 0 00ff'], chain: [bySelf], D: 'false', looked: none },
    'pkix-ee': {
      records: [`1 1 1 ${sha(256, spki(ours))}`],
      chain: [ours],
      D: 'true',
      looked: agrees('1 1 1'),
    },
    'pkix-ee-untrusted': {
      records: [`1 1 1 ${sha(256, spki(untrusted))}`],
      chain: [untrusted, stranger],
      D: 'false',
      looked: none,
    },
    'pkix-ta': {
      records: [`0 0 1 ${sha(256, known.certificate)}`],
      chain: [rooted],
      D: 'true',
      looked: agrees('0 0 1'),
    },
    'pkix-ta-untrusted': {
      records: [`0 0 1 ${sha(256, stranger.certificate)}`],
      chain: [bySelf, stranger],
      D: 'false',
      looked: none,
    },
    'unknown-usage': {
      records: [`4 1 1 ${sha(256, spki(a))}`, `255 1 1 ${sha(256, spki(a))}`],
      chain: [a],
      D: 'false',
      looked: none,
    },
    'unknown-selector': {
      records: [`3 2 1 ${sha(256, spki(a))}`],
      chain: [a],
      D: 'false',
      looked: none,
    },
    'unknown-matching': {
      records: [`3 1 3 ${sha(256, spki(a))}`],
      chain: [a],
      D: 'false',
      looked: none,
    },
    'too-short': {
      records: [`3 1 1 ${sha(256, spki(a)).slice(0, 62)}`],
      chain: [a],
      D: 'false',
      looked: none,
    },
    // Proven by DNSSEC: there is the name, but no record of that type; and there is not even the name.
    nodata: {
      records: [],
      chain: [a],
      D: 'false',
      d: 'true',
      looked: /is proven to have no TLSA record/,
    },
    missing: {
      records: [],
      chain: [a],
      D: 'false',
      d: 'true',
      looked: /is proven to have no TLSA record/,
    },
  };
}

/** Larger than a datagram may be: asked for again by TCP. */
const many = Array.from({ length: 40 }, (_, at) => `3 1 1 ${sha(256, Buffer.from([at]))}`);

let folder: string;
let cases: Record<string, Case>;
let unbound: Unbound;
let engine: Engine;
let store: Store;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tlspool-dane-'));
  cases = certificateCases();
  const last = leaf(`many.${zone}`);
  cases.many = {
    records: [...many, `3 1 1 ${sha(256, spki(last))}`],
    chain: [last],
    D: 'true',
    looked: /a TLSA record 3 1 1 that agrees/,
  };
  const at = (name: string, record: string) => `_443._tcp.${name} TLSA ${record}`;
  const right = `3 1 1 ${sha(256, spki(cases.mismatch?.chain[0] ?? known))}`;
  unbound = await Unbound.start(folder, {
    [zone]: {
      is: 'signed',
      records: [
        '_443._tcp.nodata TXT "no TLSA"',
        `_25._tcp.mail TLSA ${right}`,
        '_2525._tcp.mail TXT "no TLSA"',
        ...Object.entries(cases).flatMap(([name, { records }]) =>
          records.map((record) => at(name, record)),
        ),
      ],
    },
    'plain.example': { is: 'unsigned', records: [at('www', right)] },
    'stale.example': { is: 'stale', records: [at('www', right)] },
  });
  engine = Engine.start({ threads: 1 });
  store = await openStore(join(folder, 'state'), 'create');
  const { certificate } = known;
  await addAnchor(store.db, { certificate, role: 'both', selectors: ANYONE, source: 'operator' });
});

after(async () => {
  await engine.stop();
  await store.close();
  await unbound[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

interface Asking {
  readonly service?: string;
  readonly port?: number | undefined;
  readonly resolver?: { readonly address: string; readonly port: number } | undefined;
}

/** What becomes of both predicates, for a server that shows the chain. */
async function predicates(name: string, chain: readonly Maker[], asking: Asking = {}) {
  const resolver =
    'resolver' in asking ? asking.resolver : { address: '127.0.0.1', port: unbound.port };
  const trust = new Trust(store, engine, () => ({ ...defaultValidation, resolver }));
  try {
    await trust.refresh();
    const verdict = await trust.validate({
      chain: chain.map(({ certificate }) => certificate),
      remoteRole: 'server',
      expected: parseDonai(name),
      expressions: [parseExpression('Dd&')],
      service: asking.service,
      port: 'port' in asking ? asking.port : 443,
      explain: true,
    });
    const [D, d] = verdict.report?.findings ?? [];
    return { verdict, D: D?.value, d: d?.value, looked: D?.looked ?? '' };
  } finally {
    trust.close();
  }
}

test('every usage, selector and matching type does what it says, and unknown ones nothing', async () => {
  for (const [name, { chain, D, d = D, looked }] of Object.entries(cases)) {
    const found = await predicates(`${name}.${zone}`, chain);
    assert.deepEqual([found.D, found.d], [D, d], `${name}: ${found.looked}`);
    assert.match(found.looked, looked, name);
    // Neither is the name in the certificate proven nor what is asked for accepted without `D`.
    assert.equal(found.verdict.ok, D === 'true' && d === 'true', name);
    if (found.verdict.ok) assert.equal(found.verdict.proven, true, name);
  }
});

test('a verdict lasts no longer than what DNS says', async () => {
  const { chain } = cases['ee-key'] as Case;
  const { verdict } = await predicates(`ee-key.${zone}`, chain);
  assert.ok(verdict.ok);
  const seconds = verdict.until - Date.now() / 1000;
  assert.ok(seconds > 0 && seconds <= 600, `the records' TTL of 600 s, not ${seconds}`);
});

test('what is not signed, wrongly signed or not answered is unknown, and refused by both', async () => {
  const chain = (cases.mismatch as Case).chain;
  const unsigned = await predicates('www.plain.example', chain);
  assert.deepEqual([unsigned.D, unsigned.d], ['unknown', 'unknown']);
  assert.match(unsigned.looked, /is not signed \(DNSSEC\)/);
  // Absence, too, has to be proven.
  assert.equal((await predicates('nothing.plain.example', chain)).d, 'unknown');
  const stale = await predicates('www.stale.example', chain);
  assert.deepEqual([stale.D, stale.d], ['unknown', 'unknown']);
  assert.match(stale.looked, /SERVFAIL/);
  const resolver = { address: '127.0.0.1', port: await freePort() };
  const silent = await predicates('www.plain.example', chain, { resolver });
  assert.deepEqual([silent.D, silent.d, silent.verdict.ok], ['unknown', 'unknown', false]);
  assert.match(silent.looked, /gives no answer/);
  const without = await predicates(`ee-key.${zone}`, chain, { resolver: undefined });
  assert.deepEqual([without.D, without.d], ['unknown', 'unknown']);
  assert.match(without.looked, /no resolver is configured/);
});

test('the port is that of the service asked for, else the one connected to; of users DNS says nothing', async () => {
  const { chain } = cases.mismatch as Case;
  assert.equal((await predicates(`mail.${zone}`, chain, { port: 25 })).D, 'true');
  assert.equal(
    (await predicates(`mail.${zone}`, chain, { port: 2525, service: 'smtp' })).D,
    'true',
  );
  const elsewhere = await predicates(`mail.${zone}`, chain, { port: 2525 });
  assert.equal(elsewhere.D, 'false', elsewhere.looked);
  assert.equal((await predicates(`mail.${zone}`, chain, { port: undefined })).D, 'unknown');
  assert.equal((await predicates(`john@mail.${zone}`, chain, { port: 25 })).D, 'unknown');
});

test('a mismatch is refused in the handshake, and `trust check` says why in one line', async () => {
  await using pool = await Pool.serving([], `dns_resolver 127.0.0.1:${unbound.port}\n`);
  await pool.command('trust', 'expression', 'set', 'D', '--role', 'server');
  const names = ['ee-key', 'mismatch', 'nodata'];
  const shown = names.map(
    (name) => [`${name}.${zone}`, { chain: (cases[name] as Case).chain }] as const,
  );
  await using server = await MadeServer.start(new Map(shown));
  const program = await connectPool({ socket: pool.socket });
  try {
    const outcomes: string[] = [];
    for (const name of names) {
      const answer = await visit(program, server.port, `${name}.${zone}`, 'https');
      outcomes.push(`${await within('an alert', server.complaint())} ${answer}`);
    }
    const [good, mismatch, nodata] = outcomes;
    assert.equal(good, 'none welcome');
    assert.match(
      mismatch ?? '',
      /^bad_certificate the other side is not accepted: none of the 1 TLSA/,
    );
    assert.match(
      nodata ?? '',
      /^certificate_unknown the other side is not accepted: \S+ is proven to have no/,
    );
  } finally {
    program.close();
  }

  const check = async (name: string) => {
    const args = ['trust', 'check', `127.0.0.1:${server.port}`, '--as', `${name}.${zone}`];
    return await runTlspool([...args, '--service', 'https'], { env: pool.environment });
  };
  const [good, mismatch] = await Promise.all([check('ee-key'), check('mismatch')]);
  assert.equal(good.code, 0, good.stdout);
  assert.match(good.stdout, /^ee-key\.signed\.example is believed as a server\.\n/);
  assert.equal(mismatch.code, 1, mismatch.stderr);
  assert.match(
    mismatch.stdout,
    /^mismatch\.signed\.example is not believed as a server: none of the 1 TLSA records of _443\._tcp\.mismatch\.signed\.example agrees with the certificate\n/,
  );
  // The record that would make it pass.
  const key = sha(256, spki((cases.mismatch as Case).chain[0]));
  assert.ok(mismatch.stdout.includes(`_443._tcp.mismatch.${zone}. IN TLSA 3 1 1 ${key}`));
});
