/** Each predicate of validation expressions: what makes it hold, what does not, and where nobody can tell. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Engine } from '../../../src/core/engine/engine.ts';
import type { TlsRole } from '../../../src/core/engine/types.ts';
import { parseDonai } from '../../../src/core/identity/donai.ts';
import { openStore, type Store } from '../../../src/core/store/store.ts';
import { ANYONE, addAnchor } from '../../../src/core/trust/anchors.ts';
import { keepList } from '../../../src/core/trust/crl-file.ts';
import { PREDICATES, parseExpression } from '../../../src/core/trust/expression.ts';
import { fingerprintsOf } from '../../../src/core/trust/fingerprints.ts';
import { addPin, removePins } from '../../../src/core/trust/pins.ts';
import type { HandshakeFacts, RemoteQuestion } from '../../../src/core/trust/remote-question.ts';
import { Trust } from '../../../src/core/trust/trust.ts';
import {
  defaultValidation,
  type ValidationSettings,
} from '../../../src/core/trust/validation-settings.ts';
import { dns, extension, mail, make, makeRoot } from './made-certificates.ts';
import { makeAnswer, makeList } from './made-revocations.ts';

const NAME = 'www.example.com';
const USER = 'john@example.com';
const root = makeRoot();
const server = make({ names: [dns(NAME)] }, root);
const client = make({ names: [mail(USER)] }, root);
const host = make({ names: [dns('host.example.com')] }, root);
const domain = make({ names: [dns('example.com')] }, root);
const selfSigned = make({ names: [dns(NAME)] });
const stranger = make({ names: [dns(NAME)] }, makeRoot('Stranger'));

const OID = '1.3.6.1.4.1.99999.1';
const content = '2b06010401868d1f01';
const marked = (critical: boolean) =>
  make({ names: [dns(NAME)], extensions: [extension(content, Buffer.of(5, 0), critical)] }, root);

const postQuantum = generateKeyPairSync('ml-dsa-44').publicKey;
const lattice = make(
  { names: [dns(NAME)], publicKey: postQuantum.export({ format: 'der', type: 'spki' }) },
  root,
);

const settings: ValidationSettings = {
  ...defaultValidation,
  levels: {
    L: { ec: 384 },
    l: { ec: 256, hashes: ['sha256'], suites: ['TLS_AES_128_GCM_SHA256'] },
  },
  extensions: new Map([['smtp', [{ oid: OID, critical: true }]]]),
};

const handshake: HandshakeFacts = {
  version: 'TLSv1.3',
  cipher: 'TLS_AES_128_GCM_SHA256',
  group: 'X25519MLKEM768',
  serverName: undefined,
  ownRoles: ['client'],
  stapled: undefined,
};
const older = {
  ...handshake,
  version: 'TLSv1.2',
  cipher: 'ECDHE-RSA-AES128-GCM-SHA256',
  group: 'x25519',
} as const;

let engine: Engine;
let folder: string;
let store: Store;
before(async () => {
  engine = Engine.start({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'tlspool-predicates-'));
  store = await openStore(join(folder, 'state'), 'create');
  const { certificate } = root;
  await addAnchor(store.db, { certificate, role: 'both', selectors: ANYONE, source: 'operator' });
});
after(async () => {
  await engine.stop();
  await store.close();
  await rm(folder, { recursive: true });
});

type Asking = Partial<Omit<RemoteQuestion, 'chain' | 'expected'>> & {
  readonly shown?: { readonly certificate: Buffer };
  readonly expected?: string | undefined;
  readonly settings?: ValidationSettings;
};

/** The value of one predicate, and whether it lets the remote in alone. */
async function value(letter: string, asking: Asking = {}): Promise<string> {
  const { shown, expected, settings: changed = settings, ...rest } = asking;
  const remoteRole: TlsRole = rest.remoteRole ?? 'server';
  const wanted = 'expected' in asking ? expected : remoteRole === 'server' ? NAME : undefined;
  const trust = new Trust(store, engine, () => changed);
  try {
    await trust.refresh();
    const verdict = await trust.validate({
      remoteRole,
      handshake,
      ...rest,
      chain: [(shown ?? (remoteRole === 'server' ? server : client)).certificate],
      expected: wanted === undefined ? undefined : parseDonai(wanted),
      expressions: [parseExpression(letter)],
      explain: true,
    });
    const found = verdict.report?.findings.find((finding) => finding.letter === letter)?.value;
    assert.equal(verdict.ok, found === 'true', `${letter}: unknown and false refuse`);
    return found ?? 'was not asked';
  } finally {
    trust.close();
  }
}

const asked = new Set<string>();
const cases = (
  letters: string,
  title: string,
  rows: readonly (readonly [Asking, ...string[]])[],
) => {
  for (const letter of letters) asked.add(letter);
  test(`${[...letters].join(' and ')}: ${title}`, async () => {
    for (const [asking, ...expected] of rows) {
      const found = await Promise.all([...letters].map((letter) => value(letter, asking)));
      const { shown: _, ...told } = asking;
      assert.deepEqual(found, expected, JSON.stringify(told));
    }
  });
};

cases('Ii', 'who is asked for is named; a domain stands for its users where that is lenient', [
  [{}, 'true', 'true'],
  [{ expected: 'mail.example.com' }, 'false', 'false'],
  [{ shown: domain, expected: USER }, 'false', 'true'],
  [{ shown: domain, expected: USER, domainRepresentsUser: true }, 'true', 'true'],
  [{ shown: domain, expected: 'john@sub.example.com' }, 'false', 'false'],
  [{ shown: client, expected: 'mary@example.com' }, 'false', 'false'],
  [{ shown: client, expected: 'mary@example.com', domainRepresentsUser: true }, 'false', 'false'],
  [{ remoteRole: 'client' }, 'true', 'true'],
  [{ remoteRole: 'client', expected: 'mary@example.com' }, 'false', 'false'],
]);

cases('U', 'whoever stands for a user has a user part', [
  [{ remoteRole: 'client' }, 'true'],
  [{ remoteRole: 'client', shown: host }, 'false'],
  [{}, 'true'],
  [{ shown: domain, expected: USER, domainRepresentsUser: true }, 'false'],
]);

cases('Ff', 'keys are agreed on anew', [
  [{}, 'true', 'true'],
  [{ handshake: older }, 'true', 'true'],
  [{ handshake: { ...older, cipher: 'AES128-GCM-SHA256' } }, 'false', 'false'],
  [{ handshake: undefined }, 'unknown', 'unknown'],
]);

cases('Tt', 'an anchor vouches; or the certificate is self-signed', [
  [{}, 'true', 'true'],
  [{ shown: selfSigned }, 'false', 'true'],
  [{ shown: stranger }, 'false', 'false'],
]);

cases('Ll', 'two levels, each as it is configured', [
  [{}, 'false', 'true'],
  [{ handshake: { ...handshake, cipher: 'TLS_AES_256_GCM_SHA384' } }, 'false', 'false'],
  [{ handshake: undefined }, 'false', 'unknown'],
  [{ settings: defaultValidation }, 'unknown', 'unknown'],
]);

cases('Ss', 'we are the server; and show what is good for that only', [
  [{}, 'false', 'false'],
  [{ remoteRole: 'client', handshake: { ...handshake, ownRoles: ['server'] } }, 'true', 'true'],
  [{ remoteRole: 'client', handshake: { ...handshake, ownRoles: ['both'] } }, 'false', 'true'],
  [{ remoteRole: 'client', handshake: { ...handshake, ownRoles: [] } }, 'false', 'true'],
  [{ remoteRole: 'client', handshake: { ...handshake, ownRoles: undefined } }, 'unknown', 'true'],
]);

cases('Cc', 'we are the client; and show what is good for that only', [
  [{}, 'true', 'true'],
  [{ handshake: { ...handshake, ownRoles: ['both', 'client'] } }, 'false', 'true'],
  [{ handshake: { ...handshake, ownRoles: [] } }, 'false', 'true'],
  [{ remoteRole: 'client' }, 'false', 'false'],
]);

cases('Qq', 'what quantum computers do not break: the key exchange, and, apart from it, the key', [
  [{}, 'true', 'false'],
  [{ handshake: { ...handshake, group: 'x25519' } }, 'false', 'false'],
  [{ handshake: { ...handshake, group: '' }, shown: lattice }, 'false', 'true'],
  [{ handshake: undefined, shown: lattice }, 'unknown', 'true'],
]);

cases('Aa', 'names are hidden from the wire', [
  [{}, 'true', 'true'],
  [{ handshake: { ...handshake, serverName: NAME } }, 'false', 'true'],
  [{ handshake: older }, 'false', 'false'],
  [{ handshake: undefined }, 'unknown', 'unknown'],
]);

cases('Ee', 'extensions are there, and critical where that is asked', [
  [{ service: 'smtp' }, 'false', 'false'],
  [{ service: 'smtp', shown: marked(false) }, 'false', 'true'],
  [{ service: 'smtp', shown: marked(true) }, 'true', 'true'],
  [{ service: 'imap', shown: marked(true) }, 'unknown', 'unknown'],
]);

test('a path does not stumble over a critical extension that E looks at, elsewhere it does', async () => {
  assert.equal(await value('T', { service: 'smtp', shown: marked(true) }), 'true');
  assert.equal(await value('T', { service: 'imap', shown: marked(true) }), 'false');
});

test('without a resolver, a directory or pins nobody can tell, or nobody is known', async () => {
  for (const letter of 'DdGg') {
    assert.equal(await value(letter), 'unknown', letter);
    assert.equal(await value(letter, { remoteRole: 'client' }), 'unknown', letter);
  }
  assert.equal(await value('P'), 'false');
  assert.equal(await value('p'), 'true');
});

test('a verdict lasts no longer than what it rests on: a pin, a list, a response', async (t) => {
  const trust = new Trust(store, engine, () => ({ ...settings, firstUseLifetime: 1_800_000 }));
  t.after(() => trust.close());
  await trust.refresh();
  const lasts = async (letters: string, stapled?: Buffer) => {
    const verdict = await trust.validate({
      chain: [server.certificate],
      remoteRole: 'server',
      expected: parseDonai(NAME),
      expressions: [parseExpression(letters)],
      handshake: { ...handshake, stapled },
    });
    return verdict.ok ? Math.round(verdict.until - Date.now() / 1000) : 0;
  };
  const about = (seconds: number, wanted: number) =>
    assert.ok(seconds <= wanted && seconds > wanted / 2, `${seconds} s, not ${wanted}`);
  about(await lasts('T'), 86_400);
  about(await lasts('p'), 1_800);
  const pin = {
    remote: NAME,
    key: fingerprintsOf(server.certificate).key,
    source: 'operator',
  } as const;
  await addPin(store.db, {
    ...pin,
    expiresAt: new Date(Date.now() + 3_600_000),
    rollOverAt: undefined,
  });
  about(await lasts('TP&'), 3_600);
  await removePins(store.db, NAME);

  // A hundredth of a day.
  about(await lasts('TO&', makeAnswer(root, server, { until: 0.01 })), 864);
  await keepList(store.db, makeList(root, [], { until: 0.02 }));
  await trust.refresh();
  about(await lasts('TR&'), 1_728);
  about(await lasts('TR&O&', makeAnswer(root, server, { until: 0.01 })), 864);
});

test('a verdict that rests on what the handshake is not like is not for others to resume', async () => {
  const trust = new Trust(store, engine, () => settings);
  try {
    await trust.refresh();
    for (const letters of ['TI&A~&', 'TI&0A?']) {
      const verdict = await trust.validate({
        chain: [server.certificate],
        remoteRole: 'server',
        expected: parseDonai(NAME),
        expressions: [parseExpression(letters)],
        handshake: { ...handshake, serverName: NAME },
      });
      assert.equal(verdict.ok && verdict.until, 0, letters);
    }
  } finally {
    trust.close();
  }
});

test('every predicate is tested, here or with whom it asks', () => {
  // Revocation lists and OCSP: revocation.test.ts. DANE, pins and directories: test/programs.
  const elsewhere = 'RrOoDdPpGg';
  assert.deepEqual([...asked, ...elsewhere].sort(), [...PREDICATES].sort());
});
