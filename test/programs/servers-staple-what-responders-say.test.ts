import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { connect as connectPool, type PoolConnection } from '../../src/client/index.ts';
import { socketPair } from '../../src/core/engine/sockets.ts';
import {
  der,
  dns,
  extension,
  make,
  makeRoot,
  responderAt,
  sequence,
} from '../core/trust/made-certificates.ts';
import { makeAnswer, Place } from '../core/trust/made-revocations.ts';
import { event, until } from '../patience.ts';
import { attempt } from './stage/attempt.ts';
import { name } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { freePort } from './stage/ports.ts';
import { run } from './stage/running.ts';

const OTHER = 'www.example.net';
const SILENT = 'silent.example.net';

test('a server brings along what the local CA, or another, says of its certificate', async () => {
  await using place = await Place.open();
  const caListen = `127.0.0.1:${await freePort()}`;
  const config = `fetch_from 127.0.0.1\nca_listen ${caListen}\nca_url http://${caListen}\n`;
  await using pool = await Pool.serving([[name]], config);
  const file = (base: string) => join(pool.folder, base);

  const publicKey = await requested(pool, file('csr.pem'));
  const issuer = make({ commonName: 'Issuing CA', ca: true, usage: 'none' }, makeRoot());
  let answer: Buffer = Buffer.alloc(0);
  const responder = responderAt(place.at('/', () => answer));
  const leaf = make({ names: [dns(OTHER)], publicKey, extensions: [responder] }, issuer);
  const chain = [leaf, issuer].map(({ certificate }) =>
    new X509Certificate(certificate).toString(),
  );
  writeFileSync(file('chain.pem'), chain.join(''));
  await pool.command('identities', 'install', OTHER, file('chain.pem'));
  answer = makeAnswer(issuer, leaf);

  const program = await connectPool({ socket: pool.socket });
  try {
    let local: Stapled = { response: null, certificate: undefined };
    await until('a response of the local CA is stapled', async () => {
      local = await stapled(program, name);
      return local.response !== null;
    });
    writeFileSync(file('response.der'), local.response ?? '');
    writeFileSync(file('leaf.pem'), local.certificate?.toString() ?? '');
    await pool.command('ca', 'export', '--kind', 'ec', '--out', file('ec.pem'));
    const read = await run('openssl', [
      ...['ocsp', '-respin', file('response.der'), '-issuer', file('ec.pem')],
      ...['-cert', file('leaf.pem'), '-CAfile', file('ec.pem')],
    ]);
    assert.match(read.stderr, /Response verify OK/);
    assert.match(read.stdout, /leaf\.pem: good/);

    await until('a response of the other CA is stapled', async () => {
      const { response } = await stapled(program, OTHER);
      if (response !== null) assert.deepEqual(response, answer);
      return response !== null;
    });
  } finally {
    program.close();
  }
});

test('what the local CA says is not brought along any more once it has revoked the certificate', async () => {
  await using pool = await Pool.serving([[name]], `ca_listen 127.0.0.1:${await freePort()}\n`);
  const program = await connectPool({ socket: pool.socket });
  try {
    await until('a response of the local CA is stapled', async () => {
      return (await stapled(program, name)).response !== null;
    });
    await pool.command('ca', 'revoke', name);
    for (const _attempt of [1, 2, 3]) {
      assert.equal((await stapled(program, name)).response, null);
    }
  } finally {
    program.close();
  }
});

test('a chain without its root is stapled to, where the root is an anchor', async () => {
  await using place = await Place.open();
  await using pool = await Pool.serving([], 'fetch_from 127.0.0.1\n');
  const file = (base: string) => join(pool.folder, base);
  const root = makeRoot('Root of others');
  const publicKey = await requested(pool, file('csr.pem'));
  let answer: Buffer = Buffer.alloc(0);
  const responder = responderAt(place.at('/', () => answer));
  const leaf = make({ names: [dns(OTHER)], publicKey, extensions: [responder] }, root);
  answer = makeAnswer(root, leaf);
  writeFileSync(file('root.pem'), new X509Certificate(root.certificate).toString());
  writeFileSync(file('leaf.pem'), new X509Certificate(leaf.certificate).toString());
  await pool.command('trust', 'add', file('root.pem'));
  await pool.command('identities', 'install', OTHER, file('leaf.pem'));

  const program = await connectPool({ socket: pool.socket });
  try {
    await until('a response is stapled', async () => {
      const { response } = await stapled(program, OTHER);
      if (response !== null) assert.deepEqual(response, answer);
      return response !== null;
    });
  } finally {
    program.close();
  }
});

test('a certificate that demands a response is shown with one; without, clients of the pool refuse it', async () => {
  await using place = await Place.open();
  await using pool = await Pool.serving([], 'fetch_from 127.0.0.1\n');
  const file = (base: string) => join(pool.folder, base);
  const root = makeRoot('Root of others');
  writeFileSync(file('root.pem'), new X509Certificate(root.certificate).toString());
  await pool.command('trust', 'add', file('root.pem'));
  const demand = extension('2b06010505070118', sequence(der(0x02, Buffer.of(5))));
  const install = async (id: string, ...extensions: Buffer[]) => {
    const publicKey = await requested(pool, file(`${id}.csr`), id);
    const leaf = make({ names: [dns(id)], publicKey, extensions }, root);
    writeFileSync(file(`${id}.pem`), new X509Certificate(leaf.certificate).toString());
    await pool.command('identities', 'install', id, file(`${id}.pem`));
    return leaf;
  };
  let answer: Buffer = Buffer.alloc(0);
  const responder = responderAt(place.at('/', () => answer));
  answer = makeAnswer(root, await install(OTHER, demand, responder));
  await install(SILENT, demand);
  assert.match(
    await pool.command('identities', 'show', OTHER),
    /OCSP: +a response must be stapled/,
  );

  const program = await connectPool({ socket: pool.socket });
  const talk = async (id: string) => {
    const [fd, theirs] = socketPair();
    const flags = { ignoreRemoteId: true };
    const [client, server] = await Promise.all([
      attempt(program, { fd, role: 'client', remoteId: id }),
      attempt(program, { fd: theirs, role: 'server', localId: id, flags }),
    ]);
    for (const side of [client, server]) if ('plain' in side) side.plain.destroy();
    return 'refused' in client ? client.refused : 'welcome';
  };
  try {
    assert.match(await talk(SILENT), /demands a stapled OCSP response: none came/);
    await until('its response is stapled', async () => (await talk(OTHER)) === 'welcome');
    assert.match(pool.daemon.stderr, /names no responder.*clients refuse the certificate/);
  } finally {
    program.close();
  }
});

/** The key of an identity that another CA is to sign: SubjectPublicKeyInfo. */
async function requested(pool: Pool, file: string, id = OTHER): Promise<Buffer> {
  writeFileSync(file, await pool.command('identities', 'csr', id));
  const key = await run('openssl', ['req', '-in', file, '-noout', '-pubkey']);
  return createPublicKey(key.stdout).export({ format: 'der', type: 'spki' });
}

interface Stapled {
  readonly response: Buffer | null;
  readonly certificate: X509Certificate | undefined;
}

/** What a client gets that wants a response. */
async function stapled(program: PoolConnection, localId: string): Promise<Stapled> {
  const [fd, theirs] = socketPair();
  const client = connectTls({
    socket: new Socket({ fd: theirs }),
    servername: localId,
    requestOCSP: true,
    rejectUnauthorized: false,
  });
  client.on('error', () => undefined);
  const came = event(client, 'OCSPResponse');
  const flags = { ignoreRemoteId: true };
  const attempted = await attempt(program, { fd, role: 'server', localId, flags });
  const [response] = (await came) as [Buffer | null];
  const certificate = client.getPeerX509Certificate();
  if ('plain' in attempted) attempted.plain.destroy();
  client.destroy();
  return { response, certificate };
}
