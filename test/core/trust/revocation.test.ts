/** What lists and responders say of certificates, with the engine that verifies them. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { Engine } from '../../../src/core/engine/engine.ts';
import type { TlsVersion } from '../../../src/core/engine/types.ts';
import { parseDonai } from '../../../src/core/identity/donai.ts';
import { openStore } from '../../../src/core/store/store.ts';
import { ANYONE, addAnchor } from '../../../src/core/trust/anchors.ts';
import { keepList } from '../../../src/core/trust/crl-file.ts';
import { parseExpression } from '../../../src/core/trust/expression.ts';
import type { RemoteVerdict } from '../../../src/core/trust/remote-question.ts';
import { Trust } from '../../../src/core/trust/trust.ts';
import {
  defaultValidation,
  type ValidationSettings,
} from '../../../src/core/trust/validation-settings.ts';
import {
  der,
  dns,
  extension,
  listAt,
  type Maker,
  make,
  makeRoot,
  oid,
  responderAt,
  sequence,
} from './made-certificates.ts';
import { makeAnswer, makeList, nonceOf, Place, type Saying } from './made-revocations.ts';

let engine: Engine;
let place: Place;
before(async () => {
  engine = Engine.start({ threads: 1 });
  place = await Place.open();
});
after(async () => {
  await place[Symbol.asyncDispose]();
  await engine.stop();
});

const NAME = 'www.example.com';
const names = [dns(NAME)];
const settings: ValidationSettings = {
  ...defaultValidation,
  fetchFrom: ['127.0.0.1'],
  // Whoever is waited for in vain is told to answer never.
  fetchTimeout: 60_000,
};

interface Asking {
  readonly expression?: string;
  readonly lists?: readonly Buffer[];
  readonly stapled?: Buffer | 'forgotten';
  readonly version?: TlsVersion;
  readonly settings?: Partial<ValidationSettings>;
  readonly intermediates?: readonly Maker[];
}

/** What becomes of a server that shows the certificate, in a pool that trusts the root. */
async function asking(t: TestContext, root: Maker, changes: Partial<ValidationSettings> = {}) {
  const judge = await judging(t, root, changes);
  return async (...asked: Parameters<typeof judge>) => outcome(await judge(...asked));
}

async function judging(t: TestContext, root: Maker, changes: Partial<ValidationSettings> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'tlspool-revocation-'));
  const store = await openStore(join(folder, 'state'), 'create');
  const { certificate } = root;
  await addAnchor(store.db, { certificate, role: 'both', selectors: ANYONE, source: 'operator' });
  const current = { ...settings, ...changes };
  const trust = new Trust(store, engine, () => current);
  t.after(async () => {
    trust.close();
    await store.close();
    await rm(folder, { recursive: true });
  });
  return async (leaf: Maker, asked: Asking = {}, ignoreCaches = false) => {
    for (const list of asked.lists ?? []) await keepList(store.db, list);
    await trust.refresh();
    const stapled = asked.stapled;
    return trust.validate({
      chain: [leaf, ...(asked.intermediates ?? [])].map((each) => each.certificate),
      remoteRole: 'server',
      expected: parseDonai(NAME),
      expressions: [parseExpression(asked.expression ?? 'TIR&&')],
      ignoreCaches,
      handshake: {
        version: asked.version ?? 'TLSv1.3',
        cipher: 'TLS_AES_128_GCM_SHA256',
        group: 'x25519',
        serverName: NAME,
        ownRoles: [],
        stapled,
      },
    });
  };
}

/** `believed`, or the alert and the reason, which is one line. */
function outcome(verdict: RemoteVerdict): string {
  if (verdict.ok) return 'believed';
  assert.doesNotMatch(verdict.reason, /\n/);
  return `${verdict.alert}: ${verdict.reason}`;
}

test('a list from a file revokes, and lets pass what is not on it', async (t) => {
  const root = makeRoot();
  const [bad, good] = [make({ names }, root), make({ names }, root)];
  const ask = await asking(t, root);
  assert.match(await ask(good), /^certificate_unknown: the certificate: there is no list/);
  assert.equal(await ask(good, { expression: 'TIr&&' }), 'believed', 'r: nobody keeps a list');
  assert.equal(await ask(good, { lists: [makeList(root, [bad])] }), 'believed');
  assert.equal(
    await ask(bad),
    'certificate_revoked: the certificate: a list in the store has it as revoked',
  );
  assert.match(await ask(bad, { expression: 'TIr&&' }), /^certificate_revoked:/);
});

test('an intermediate CA that is revoked takes all below with it', async (t) => {
  const root = makeRoot();
  const issuer = make({ commonName: 'Issuing CA', ca: true, usage: 'none' }, root);
  const leaf = make({ names }, issuer);
  const ask = await asking(t, root);
  const lists = [makeList(issuer), makeList(root, [issuer])];
  assert.equal(
    await ask(leaf, { lists, intermediates: [issuer] }),
    'certificate_revoked: certificate 2 of the path: a list in the store has it as revoked',
  );
});

test('a list that has expired, is of the future or of another signer is no list', async (t) => {
  const root = makeRoot();
  const leaf = make({ names }, root);
  const impostor = { ...makeRoot(), subject: root.subject };
  const lists = {
    expired: makeList(root, [], { from: -3, until: -1 }),
    future: makeList(root, [], { from: 1, until: 2 }),
    forged: makeList(impostor, [], {}),
  };
  for (const [what, list] of Object.entries(lists)) {
    for (const expression of ['TIR&&', 'TIr&&']) {
      const ask = await asking(t, root);
      const refused = await ask(leaf, { lists: [list], expression });
      assert.match(refused, /^certificate_unknown: .*does not count: /, `${what}, ${expression}`);
    }
  }
});

test('a list is fetched from where the certificate points to, once', async (t) => {
  const root = makeRoot();
  const revoked: Maker[] = [];
  const url = place.at('/one.crl', () => makeList(root, revoked));
  const [bad, good] = [1, 2].map(() => make({ names, extensions: [listAt(url)] }, root)) as [
    Maker,
    Maker,
  ];
  const ask = await asking(t, root);
  place.asked.length = 0;
  assert.deepEqual(await Promise.all([ask(bad), ask(good)]), ['believed', 'believed']);
  revoked.push(bad);
  assert.equal(await ask(bad), 'believed', 'the list holds until its next update');
  assert.deepEqual(place.asked, ['/one.crl']);
  assert.equal(
    await ask(bad, {}, true),
    `certificate_revoked: the certificate: ${url} has it as revoked`,
    'IGNORE_CACHES has it fetched anew',
  );
  assert.match(await ask(bad), /^certificate_revoked:/);
  assert.deepEqual(place.asked, ['/one.crl', '/one.crl']);
});

test('the next place is asked where one gives no list, and what is wrong is told', async (t) => {
  const root = makeRoot();
  const garbage = place.at('/garbage.crl', Buffer.from('there was a list once'));
  const large = place.at('/large.crl', Buffer.alloc(100_000, 'x'));
  const nowhere = place.at('/nowhere.crl', () => undefined).replace('nowhere', 'elsewhere');
  const round = place.at('/round.crl', (_body, _request, response) => {
    response.writeHead(302, { location: '/round.crl' }).end();
    return undefined;
  });
  const away = place.at('/away.crl', (_body, _request, response) => {
    response.writeHead(302, { location: 'http://10.0.0.1/list.crl' }).end();
    return undefined;
  });
  const good = place.at('/good.crl', () => makeList(root));
  const limited = { largestList: 50_000 };
  const faults: [url: string, told: RegExp][] = [
    [garbage, /not a revocation list/],
    [large, /sends more than 50000 bytes/],
    [nowhere, /status 404/],
    [round, /from one address to the next/],
    [away, /10\.0\.0\.1 is private/],
    ['https://127.0.0.1/list.crl', /only http is/],
    ['ftp://127.0.0.1/list.crl', /only http is/],
    ['http://user:secret@127.0.0.1/list.crl', /not given a password/],
    ['http://127.0.0.2/list.crl', /127\.0\.0\.2 is private/],
    ['http://[::ffff:127.0.0.2]/list.crl', /is private/],
    ['http://169.254.169.254/latest', /is private/],
    ['file:///etc/passwd', /only http is/],
    ['http://127.0.0.1:1/list.crl', /cannot be fetched/],
    ['not a URL', /is not a URL/],
  ];
  for (const [url, told] of faults) {
    const ask = await asking(t, root, limited);
    const alone = make({ names, extensions: [listAt(url)] }, root);
    for (const expression of ['TIR&&', 'TIr&&']) {
      const refused = await ask(alone, { expression });
      assert.match(refused, /^certificate_unknown: the certificate: no list could be had: /);
      assert.match(refused, told);
      assert.doesNotMatch(refused, /secret/);
    }
    const both = make({ names, extensions: [listAt(url, good)] }, root);
    assert.equal(await ask(both), 'believed', url);
  }
});

test('whoever gives a list slowly is not waited for', async (t) => {
  const root = makeRoot();
  const url = place.at('/slow.crl', (_body, _request, response) => {
    response.writeHead(200).write('0');
    return undefined;
  });
  const ask = await asking(t, root, { fetchTimeout: 200 });
  const leaf = make({ names, extensions: [listAt(url)] }, root);
  assert.match(await ask(leaf), /^certificate_unknown: .*did not answer in 200 ms/);
});

/** A certificate with a responder of its own, which says what it is told to. */
function answered(
  root: Maker,
  path: string,
  saying: (request: Buffer) => Saying | Buffer,
  ...extensions: Buffer[]
): Maker {
  const url = place.at(path, (request) => {
    const said = saying(request);
    return Buffer.isBuffer(said) ? said : makeAnswer(root, leaf, said);
  });
  const leaf = make({ names, extensions: [responderAt(url), ...extensions] }, root);
  return leaf;
}

const STRICT = { expression: 'TIO&&' };
const LENIENT = { expression: 'TIo&&' };

test('a responder is asked, and its word holds for a while', async (t) => {
  const root = makeRoot();
  const ask = await asking(t, root);
  const good = answered(root, '/good', () => ({}));
  const revoked = answered(root, '/revoked', () => ({ status: 'revoked' }));
  const unknown = answered(root, '/unknown', () => ({ status: 'unknown' }));
  place.asked.length = 0;
  assert.deepEqual(await Promise.all([ask(good, STRICT), ask(good, STRICT)]), [
    'believed',
    'believed',
  ]);
  assert.equal(await ask(good, STRICT), 'believed');
  assert.deepEqual(place.asked, ['/good'], 'asked once');
  assert.equal(await ask(good, STRICT, true), 'believed');
  assert.deepEqual(place.asked, ['/good', '/good'], 'IGNORE_CACHES asks anew');
  for (const expression of [STRICT, LENIENT]) {
    assert.match(
      await ask(revoked, expression),
      /^certificate_revoked: http:\S+\/revoked says it was revoked on \d{4}-\d\d-\d\d$/,
    );
  }
  assert.match(await ask(unknown, STRICT), /^certificate_unknown: .*does not know the certificate/);
  assert.equal(await ask(unknown, LENIENT), 'believed');
});

test('without a responder only `o` is content', async (t) => {
  const root = makeRoot();
  const ask = await asking(t, root);
  const leaf = make({ names }, root);
  assert.match(await ask(leaf, STRICT), /^certificate_unknown: the certificate names no responder/);
  assert.equal(await ask(leaf, LENIENT), 'believed');
});

test('a response that is old, of the future, of others or about others is none', async (t) => {
  const root = makeRoot();
  const ask = await asking(t, root);
  const other = make({ names }, root);
  const stranger = makeRoot('Stranger');
  const colleague = make({ names }, root);
  const sayings: [what: string, saying: Saying | Buffer, told: RegExp][] = [
    ['expired', { from: -3, until: -1 }, /not valid now/],
    ['future', { from: 1, until: 2 }, /not valid now/],
    ['endless', { from: -2, until: null }, /too old/],
    ['stranger', { signer: stranger }, /not signed by the issuer/],
    ['colleague', { signer: colleague }, /not signed by the issuer/],
    ['another', makeAnswer(root, other), /about another certificate/],
    ['try-later', Buffer.from('30030a0103', 'hex'), /the responder says trylater/],
    ['garbage', Buffer.from('good'), /does not parse/],
    ['surplus', Buffer.concat([makeAnswer(root, other), Buffer.of(0)]), /does not parse/],
    ['large', Buffer.alloc(65 * 1024), /sends more than 65536 bytes/],
  ];
  for (const [what, saying, told] of sayings) {
    const leaf = answered(root, `/${what}`, () => saying);
    const refused = await ask(leaf, STRICT);
    assert.match(refused, /^certificate_unknown: /, what);
    assert.match(refused, told, what);
  }
});

test('a response of whom the issuer charged with that counts', async (t) => {
  const root = makeRoot();
  const ask = await asking(t, root);
  const ocspSigning = extension('551d25', sequence(oid('2b06010505070309')));
  const charge = { usage: 'none', commonName: 'Responder', extensions: [ocspSigning] } as const;
  const delegate = make(charge, root);
  const own = make(charge, makeRoot('Stranger'));
  const good = answered(root, '/delegated', () => ({ signer: delegate }));
  const bad = answered(root, '/self-appointed', () => ({ signer: own }));
  assert.equal(await ask(good, STRICT), 'believed');
  assert.match(await ask(bad, STRICT), /not signed by the issuer/);
});

test('a nonce is asked for, and compared, as the configuration has it', async (t) => {
  const root = makeRoot();
  const heard: (Buffer | undefined)[] = [];
  const first = Buffer.alloc(32, 7);
  const leaves = {
    repeats: answered(root, '/repeats', (request) => ({ nonce: nonceOf(request) })),
    omits: answered(root, '/omits', (request) => {
      heard.push(nonceOf(request));
      return {};
    }),
    // What it once said to somebody else.
    replays: answered(root, '/replays', () => ({ nonce: first })),
  };
  const expected = {
    no: { repeats: /^believed/, omits: /^believed/, replays: /^believed/ },
    offer: { repeats: /^believed/, omits: /^believed/, replays: /the nonce differs/ },
    require: {
      repeats: /^believed/,
      omits: /does not repeat the nonce/,
      replays: /the nonce differs/,
    },
  } as const;
  for (const policy of ['no', 'offer', 'require'] as const) {
    const ask = await asking(t, root, { ocspNonce: policy });
    for (const who of ['repeats', 'omits', 'replays'] as const) {
      assert.match(await ask(leaves[who], STRICT), expected[policy][who], `${policy}, ${who}`);
    }
  }
  const [none, one, other] = heard;
  assert.equal(none, undefined);
  assert.ok(one !== undefined && other !== undefined && !one.equals(other), 'each is a new one');
});

test('whoever answers slowly is not waited for', async (t) => {
  const root = makeRoot();
  const url = place.at('/slow', () => undefined);
  const leaf = make({ names, extensions: [responderAt(url)] }, root);
  const ask = await asking(t, root, { fetchTimeout: 200 });
  assert.match(await ask(leaf, STRICT), /^certificate_unknown: .*did not answer in 200 ms/);
});

test('a stapled response counts before anybody is asked, if it counts at all', async (t) => {
  const root = makeRoot();
  const ask = await asking(t, root);
  const leaf = answered(root, '/behind', () => ({}));
  place.asked.length = 0;
  const staple = (came: Saying) => ({ ...STRICT, stapled: makeAnswer(root, leaf, came) });
  assert.equal(await ask(leaf, staple({})), 'believed');
  assert.deepEqual(place.asked, []);
  const stale = staple({ from: -3, until: -1 });
  assert.equal(await ask(leaf, stale), 'believed');
  assert.deepEqual(
    place.asked,
    ['/behind'],
    'a stale one is not believed, and the responder asked',
  );
  assert.match(
    await ask(leaf, staple({ status: 'revoked' })),
    /^certificate_revoked: the stapled response says it was revoked on/,
  );
});

test('what was said before a certificate was revoked does not bring it back, though it is valid still', async (t) => {
  const root = makeRoot();
  const ask = await asking(t, root);
  let saying: Saying = { status: 'revoked', from: -0.2 };
  const leaf = answered(root, '/older', () => saying);
  const staple = (came: Saying) => ({ ...STRICT, stapled: makeAnswer(root, leaf, came) });
  const before = staple({ from: -0.3 });
  assert.equal(await ask(leaf, before), 'believed');
  assert.match(await ask(leaf, STRICT), /^certificate_revoked: http:/);
  assert.match(await ask(leaf, before), /^certificate_revoked: http:/, 'stapled');
  saying = { from: -0.3 };
  assert.match(await ask(leaf, STRICT, true), /^certificate_revoked: http:/, 'replayed');
  assert.equal(await ask(leaf, staple({ from: -0.1 })), 'believed', 'said later: it was on hold');
  assert.match(await ask(leaf, staple({ status: 'revoked', from: -0.08 })), /stapled response/);
  saying = { from: -0.09 };
  assert.match(await ask(leaf, STRICT, true), /^certificate_revoked: the stapled response/);
});

test('a certificate that was revoked stays so when nobody answers for it any more', async (t) => {
  const root = makeRoot();
  const ask = await asking(t, root);
  let saying: Saying | Buffer = { status: 'revoked', from: -0.2 };
  const leaf = answered(root, '/silent', () => saying);
  assert.match(await ask(leaf, LENIENT), /^certificate_revoked: /);
  saying = Buffer.from('nothing to say');
  assert.match(await ask(leaf, LENIENT, true), /^certificate_revoked: /);
});

test('a stapled response about another certificate is no answer', async (t) => {
  const root = makeRoot();
  const ask = await asking(t, root);
  const [leaf, other] = [make({ names }, root), make({ names }, root)];
  const refused = await ask(leaf, { ...STRICT, stapled: makeAnswer(root, other) });
  assert.match(refused, /^certificate_unknown: .*stapled response.*about another certificate/);
});

/** TLS feature (RFC 7633): numbers of extensions of TLS. */
const features = (...numbers: number[]) =>
  extension('2b06010505070118', sequence(...numbers.map((one) => der(0x02, Buffer.of(one)))));
const MUST_STAPLE = features(5);

test('a server whose certificate says that it staples is believed only if it does', async (t) => {
  const root = makeRoot();
  const ask = await asking(t, root);
  const leaf = make({ names, extensions: [MUST_STAPLE] }, root);
  const staple = (saying: Saying) => ({
    expression: 'TI&',
    stapled: makeAnswer(root, leaf, saying),
  });
  assert.equal(await ask(leaf, staple({})), 'believed');
  assert.match(
    await ask(leaf, { expression: 'TI&' }),
    /^bad_certificate: .*demands a stapled OCSP response: none came/,
  );
  assert.match(
    await ask(leaf, staple({ from: -3, until: -1 })),
    /^bad_certificate: .*not valid now/,
  );
  assert.match(
    await ask(leaf, staple({ signer: makeRoot('Stranger') })),
    /not signed by the issuer/,
  );
  assert.match(
    await ask(leaf, staple({ status: 'unknown' })),
    /^bad_certificate: .*does not know it/,
  );
  assert.match(await ask(leaf, staple({ status: 'revoked' })), /^certificate_revoked: /);
  const other = make({ names, extensions: [features(16, 23)] }, root);
  assert.equal(await ask(other, { expression: 'TI&' }), 'believed', 'it demands something else');
});

test('before TLS 1.3, and in sessions that run, the responder is asked for what the server must staple', async (t) => {
  const root = makeRoot();
  const ask = await asking(t, root);
  let saying: Saying | Buffer = {};
  const leaf = answered(root, '/must', () => saying, MUST_STAPLE);
  const older = { expression: 'TI&', version: 'TLSv1.2' } as const;
  const late = { expression: 'TI&', stapled: 'forgotten' } as const;
  assert.equal(await ask(leaf, older), 'believed');
  assert.equal(await ask(leaf, late), 'believed');
  saying = Buffer.from('garbage');
  assert.match(await ask(leaf, older, true), /^bad_certificate: .*does not parse/);
  saying = { status: 'revoked' };
  assert.match(await ask(leaf, older, true), /^certificate_revoked: http:/);
  assert.match(await ask(leaf, late, true), /^certificate_revoked: http:/);
});

test('a verdict on a certificate that must be stapled holds as long as what was', async (t) => {
  const root = makeRoot();
  const judge = await judging(t, root);
  const leaf = make({ names, extensions: [MUST_STAPLE] }, root);
  const stapled = makeAnswer(root, leaf, { until: 0.25 });
  const verdict = await judge(leaf, { expression: 'TI&', stapled });
  assert.ok(verdict.ok);
  assert.equal(Math.round((verdict.until * 1000 - Date.now()) / 3_600_000), 6);
});

test('what the certificate of a CA demands, all below it must demand as well', async (t) => {
  const root = makeRoot();
  const ask = await asking(t, root);
  const usual = { commonName: 'Issuing CA', ca: true, usage: 'none' } as const;
  const issuer = make({ ...usual, extensions: [MUST_STAPLE] }, root);
  const intermediates = [issuer];
  const lax = make({ names }, issuer);
  assert.match(
    await ask(lax, { expression: 'TI&', intermediates, stapled: makeAnswer(issuer, lax) }),
    /^bad_certificate: certificate 1 of the path lacks a TLS feature that its CA demands/,
  );
  const fit = make({ names, extensions: [MUST_STAPLE] }, issuer);
  const stapled = makeAnswer(issuer, fit);
  assert.equal(await ask(fit, { expression: 'TI&', intermediates, stapled }), 'believed');
});

test('a certificate that says badly where its revocation is told is malformed', async (t) => {
  const root = makeRoot();
  const ask = await asking(t, root);
  const responders = make(
    { names, extensions: [extension('2b06010505070101', Buffer.of(4, 0))] },
    root,
  );
  assert.match(await ask(responders, STRICT), /^bad_certificate: .*malformed/);
  const demands = make(
    { names, extensions: [extension('2b06010505070118', Buffer.of(4, 0))] },
    root,
  );
  assert.match(await ask(demands, { expression: 'TI&' }), /^bad_certificate: .*malformed/);
});

test('nobody is asked about a certificate whose path is not signed', async (t) => {
  const root = makeRoot();
  const ask = await asking(t, root);
  const stranger = makeRoot('Stranger');
  const list = listAt(place.at('/stranger.crl', () => makeList(stranger)));
  const responder = responderAt(place.at('/stranger', Buffer.alloc(0)));
  const leaf = make({ names, extensions: [list, responder] }, stranger);
  place.asked.length = 0;
  const refused = await ask(leaf, { expression: 'TIR&O&&', intermediates: [stranger] });
  assert.match(refused, /^unknown_ca:/);
  assert.deepEqual(place.asked, []);
});

test('a verdict holds no longer than what was said of the certificate', async (t) => {
  const root = makeRoot();
  const judge = await judging(t, root);
  const leaf = answered(root, '/for-hours', () => ({ until: 0.25 }));
  const hours = async (...asked: Parameters<typeof judge>) => {
    const verdict = await judge(...asked);
    assert.ok(verdict.ok);
    return Math.round((verdict.until * 1000 - Date.now()) / 3_600_000);
  };
  assert.equal(await hours(leaf, { expression: 'TI&' }), 24, 'a day at most');
  assert.equal(await hours(leaf, { expression: 'TI&O&' }), 6);
  const lists = [makeList(root, [], { until: 0.125 })];
  assert.equal(await hours(leaf, { expression: 'TI&O&R&', lists }), 3);
  assert.equal(await hours(leaf, { expression: 'TI&R&' }), 3);
});

test('a list that does not count is asked for again soon, whatever end it names', async (t) => {
  const root = makeRoot();
  const impostor = { ...makeRoot(), subject: root.subject };
  let list = makeList(impostor, [], { until: 3650 });
  const leaf = make({ names, extensions: [listAt(place.at('/false.crl', () => list))] }, root);
  const ask = await asking(t, root);
  assert.match(await ask(leaf), /^certificate_unknown: .* does not count/);
  list = makeList(root);
  assert.match(await ask(leaf), /^certificate_unknown: .* does not count/, 'not at once');
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 31_000 });
  assert.equal(await ask(leaf), 'believed');
});
