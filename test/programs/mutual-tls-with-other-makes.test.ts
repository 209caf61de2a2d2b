import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect as connectPool, type PoolConnection } from '../../src/client/index.ts';
import * as sockets from '../../src/core/engine/sockets.ts';
import { Acceptor } from '../../src/core/tunnel/acceptor.ts';
import { dns, type Maker, mail, make, makeRoot } from '../core/trust/made-certificates.ts';
import { makeList } from '../core/trust/made-revocations.ts';
import { within } from '../patience.ts';
import { attempt } from './stage/attempt.ts';
import {
  alertsTo,
  type Files,
  gnutls,
  type Make,
  openssl,
  type TlsVersion,
} from './stage/other-makes.ts';
import { OtherServer } from './stage/other-server.ts';
import { Pool } from './stage/pool.ts';
import { Running } from './stage/running.ts';

/** Whom we ask for as clients. */
const OTHER_HOST = 'www.example.net';
/** By kind of key: what `identities create` calls it. */
const kinds = { RSA: 'rsa-2048', EC: 'ec-p256', Ed25519: 'ed25519' } as const;
type Kind = keyof typeof kinds;
const every = Object.keys(kinds) as Kind[];
const makes: readonly Make[] = [openssl, gnutls];
const versions = ['1.2', '1.3'] as const;

/** RFC 8446 section 6.2. */
const ALERT = {
  handshake_failure: 40,
  bad_certificate: 42,
  certificate_revoked: 44,
  certificate_expired: 45,
  unknown_ca: 48,
  certificate_required: 116,
} as const;

let pool: Pool;
let program: PoolConnection;
let root: Maker;
/** Who others are: trusted by the pool as far as `root` goes. */
const others = new Map<string, Files>();

before(async () => {
  const local = every.map((kind) => [localName(kind), '--key', kinds[kind], '--role', 'both']);
  pool = await Pool.serving(local);
  root = makeRoot('Other Root');
  const revoked = person('revoked');
  const at = (name: string, content: Buffer) => {
    writeFileSync(join(pool.folder, name), content);
    return join(pool.folder, name);
  };
  const anchor = ['--role', 'both', '--for', '.', '--for', '@.'];
  await pool.command('trust', 'add', at('root.der', root.certificate), ...anchor);
  await pool.command('trust', 'add', '--crl', at('root.crl', makeList(root, [revoked])));
  const stranger = makeRoot('Stranger');
  for (const kind of every) {
    keep(`person ${kind}`, person('mary', { keys: keysOf(kind) }));
    keep(`host ${kind}`, host({ keys: keysOf(kind) }));
  }
  keep('stranger', make({ names: [dns(OTHER_HOST)] }, stranger));
  keep('revoked', revoked);
  keep('expired', person('mary', { from: -20, until: -10 }));
  keep('strange', make({ names: [mail('mary@example.com')] }, stranger));
  program = await connectPool({ socket: pool.socket });
});

after(async () => {
  program?.close();
  await pool?.[Symbol.asyncDispose]();
});

/** Who we are, in both roles, with that kind of key. */
function localName(kind: Kind): string {
  return `${kind.toLowerCase()}.example.com`;
}

function person(user: string, more: Parameters<typeof make>[0] = {}): Maker {
  return make({ names: [mail(`${user}@example.com`)], usage: 'client', ...more }, root);
}

function host(more: Parameters<typeof make>[0]): Maker {
  return make({ names: [dns(OTHER_HOST)], usage: 'server', ...more }, root);
}

function keysOf(kind: Kind) {
  if (kind === 'RSA') return generateKeyPairSync('rsa', { modulusLength: 2048 });
  if (kind === 'EC') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return generateKeyPairSync('ed25519');
}

function keep(name: string, { certificate, privateKey }: Maker): void {
  const base = join(pool.folder, name.replaceAll(' ', '-'));
  writeFileSync(`${base}.pem`, new X509Certificate(certificate).toString());
  writeFileSync(`${base}.key`, privateKey.export({ format: 'pem', type: 'pkcs8' }));
  others.set(name, { chain: `${base}.pem`, key: `${base}.key` });
}

function other(name: string): Files {
  return others.get(name) ?? assert.fail(`nobody is called ${name}`);
}

/** Who the pool says the other side is, `refused` if it is; and the number of the alert that that one heard, or 0. */
type Outcome = readonly [remote: string, alert: number];

/** A client of another make visits the pool's server that has that kind of key. */
async function visited(
  by: Make,
  version: TlsVersion,
  kind: Kind,
  own: Files | undefined,
): Promise<Outcome> {
  const { promise: accepted, resolve } = Promise.withResolvers<number>();
  const listener = sockets.listenTcp('127.0.0.1', 0);
  const port = sockets.socketAddresses(listener).local?.port ?? 0;
  const acceptor = new Acceptor(listener, { connection: resolve, failed: assert.fail });
  acceptor.resume();
  const localId = localName(kind);
  const [command = '', ...args] = by.client(port, localId, version, own, pool.caFile);
  await using client = new Running(command, args, { stdio: 'pipe' });
  try {
    const fd = await within(`a connection of ${by.name}`, accepted);
    const attempted = await attempt(program, { fd, role: 'server', localId });
    if ('plain' in attempted) {
      attempted.plain.end('welcome\n');
      await client.printing(/welcome/);
      // Whoever is refused ends by itself, having read why.
      client.child.stdin?.on('error', () => undefined).end();
    }
    await within(`the end of ${by.name}`, client.ended);
    const remote = 'session' in attempted ? attempted.session.remoteId : 'refused';
    return [remote, alertsTo(by, client)[0] ?? 0];
  } finally {
    acceptor.close();
  }
}

/** What the peer hears before it sends its Finished, in TLS 1.2, and after that, in TLS 1.3, is the same. */
const clients: readonly [who: string | undefined, alert: Record<TlsVersion, number>][] = [
  [undefined, { '1.2': ALERT.handshake_failure, '1.3': ALERT.certificate_required }],
  ['strange', { '1.2': ALERT.unknown_ca, '1.3': ALERT.unknown_ca }],
  ['expired', { '1.2': ALERT.certificate_expired, '1.3': ALERT.certificate_expired }],
  ['revoked', { '1.2': ALERT.certificate_revoked, '1.3': ALERT.certificate_revoked }],
];

for (const make of makes) {
  for (const version of versions) {
    test(`${make.name} as client of ours, TLS ${version}`, async () => {
      for (const kind of every) {
        const mary = await visited(make, version, kind, other(`person ${kind}`));
        assert.deepEqual(mary, ['mary@example.com', 0], kind);
      }
      for (const [who, alert] of clients) {
        const outcome = await visited(
          make,
          version,
          'EC',
          who === undefined ? undefined : other(who),
        );
        assert.deepEqual(outcome, ['refused', alert[version]], who ?? 'nobody');
      }
    });

    test(`${make.name} as server of ours, TLS ${version}`, async () => {
      for (const kind of every) {
        await using server = await serverOf(make, version, `host ${kind}`);
        const localId = localName(kind);
        const good = await server.visit(program, { localId, remoteId: OTHER_HOST });
        assert.deepEqual(good, [OTHER_HOST, 0], kind);
        const wrong = await server.visit(program, { localId, remoteId: 'www.example.org' });
        assert.deepEqual(wrong, ['refused', ALERT.bad_certificate], kind);
        const nobody = await server.visit(program, { remoteId: OTHER_HOST });
        assert.deepEqual(nobody, ['sent away', 0], kind);
      }
      await using stranger = await serverOf(make, version, 'stranger');
      const strange = await stranger.visit(program, { remoteId: OTHER_HOST });
      assert.deepEqual(strange, ['refused', ALERT.unknown_ca]);
    });
  }
}

function serverOf(make: Make, version: TlsVersion, who: string): Promise<OtherServer> {
  return OtherServer.start(make, version, other(who), pool.caFile);
}
