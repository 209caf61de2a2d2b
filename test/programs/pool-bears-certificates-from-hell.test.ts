import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect as connectTls, createSecureContext, TLSSocket } from 'node:tls';
import { status } from '../../src/client/administration.ts';
import { connect as connectPool, type PoolConnection } from '../../src/client/index.ts';
import { socketPair } from '../../src/core/engine/sockets.ts';
import {
  chains,
  constraintTricks,
  encodings,
  fields,
  good,
  NAME,
  odd,
  root,
  smuggled,
  USER,
} from '../core/trust/hell.ts';
import { until, within } from '../patience.ts';
import { attempt } from './stage/attempt.ts';
import { Pool } from './stage/pool.ts';
import { SwappedCertificates } from './stage/swapped-certificates.ts';

const LOCAL = 'server.example.net';

const credential = {
  key: good.privateKey.export({ format: 'pem', type: 'pkcs8' }),
  cert: new X509Certificate(good.certificate).toString(),
};

const refused: readonly (readonly [what: string, chain: readonly Buffer[]])[] = [
  ...Object.entries(encodings).map(([what, each]) => [what, [each]] as const),
  ...[fields, smuggled, constraintTricks, chains].flatMap((each) => Object.entries(each)),
];

test('a pool that is shown the worst of certificates refuses them, and goes on', async () => {
  await using pool = await Pool.serving([[LOCAL]]);
  writeFileSync(join(pool.folder, 'root.der'), root.certificate);
  const anchor = [join(pool.folder, 'root.der'), '--role', 'both', '--for', '.', '--for', '@.'];
  await pool.command('trust', 'add', ...anchor);
  const program = await connectPool({ socket: pool.socket });
  try {
    const parties = [asServer, asClient(readFileSync(pool.caFile))] as const;
    const before = await status({ socket: pool.socket });
    for (const party of parties) {
      for (const [what, chain] of refused) {
        assert.equal(await within(what, party(program, chain)), undefined, what);
      }
      for (const [what, chain] of Object.entries(odd)) await within(what, party(program, chain));
    }
    for (const party of parties) {
      assert.ok([NAME, USER].includes((await party(program, [good.certificate])) ?? ''));
    }
    await until('everything is let go of', async () => {
      const { sessions, openFiles } = await status({ socket: pool.socket });
      return sessions === 0 && openFiles <= before.openFiles;
    });
    const { pid, sessionsTotal } = await status({ socket: pool.socket });
    assert.equal(pid, before.pid);
    assert.ok(sessionsTotal > 2 * refused.length);
    assert.doesNotMatch(pool.daemon.stderr, /"level":50|"msg":"fault"/);
  } finally {
    program.close();
  }
});

/** Whom the pool believes a server of that chain to be that it asks for www.example.com. */
async function asServer(
  program: PoolConnection,
  chain: readonly Buffer[],
): Promise<string | undefined> {
  const [fd, theirs] = socketPair();
  const wire = new SwappedCertificates(new Socket({ fd: theirs }), chain);
  const secureContext = createSecureContext({ ...credential, maxVersion: 'TLSv1.2' });
  const server = new TLSSocket(wire as unknown as Socket, { isServer: true, secureContext });
  server.on('error', () => undefined);
  return believed(program, server, { fd, role: 'client', remoteId: NAME });
}

/** Whom the pool believes a client of that chain to be. */
function asClient(ca: Buffer) {
  return async (program: PoolConnection, chain: readonly Buffer[]): Promise<string | undefined> => {
    const [fd, theirs] = socketPair();
    const wire = new SwappedCertificates(new Socket({ fd: theirs }), chain);
    const client = connectTls({
      ...credential,
      ca,
      socket: wire,
      servername: LOCAL,
      maxVersion: 'TLSv1.2',
    });
    client.on('error', () => undefined);
    return believed(program, client, { fd, role: 'server', localId: LOCAL });
  };
}

async function believed(
  program: PoolConnection,
  other: TLSSocket,
  request: Parameters<typeof attempt>[1],
): Promise<string | undefined> {
  const attempted = await attempt(program, request);
  if ('plain' in attempted) attempted.plain.destroy();
  other.destroy();
  return 'session' in attempted ? attempted.session.remoteId : undefined;
}
