import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type {
  CertificateRequestedEvent,
  EstablishedEvent,
} from '../../../src/core/engine/types.ts';
import { event, until } from '../../patience.ts';
import {
  connectedFd,
  listen,
  nothingLeft,
  open,
  openDescriptors,
  Pki,
  plaintext,
  startEngine,
} from './fixture.ts';

const pki = new Pki();
// One thread: what blocks it is noticed.
const engine = startEngine({ threads: 1 });
const local = { credentials: [await pki.credential(engine, pki.leaf('p256', 'server.example'))] };
const john = pki.leaf('p256', 'john@example.com');
const johns = await pki.credential(engine, john);
const verdict = { name: 'somebody', until: Math.floor(Date.now() / 1000) + 3600 };
const resumption = { context: Buffer.alloc(32, 7) };

after(async () => {
  await engine.stop();
  pki[Symbol.dispose]();
});

/** A server and a client of ours, at each other. */
async function pair(resumable = false) {
  using listener = listen();
  const accepted = listener.accept();
  const fd = await connectedFd(listener.port);
  const [ours, theirs] = [plaintext(), plaintext()];
  const shown: (readonly Buffer[])[] = [];
  const requests: CertificateRequestedEvent[] = [];
  const answered: EstablishedEvent[] = [];
  const server = open(
    engine,
    {
      fd: await accepted,
      role: 'server',
      local: resumable ? { ...local, resumption } : local,
      plainFd: ours.fd,
    },
    { verifyPeer: (each) => shown.push(each.chain) },
  );
  const client = open(
    engine,
    {
      fd,
      role: 'client',
      serverName: 'server.example',
      plainFd: theirs.fd,
      resumption: resumable ? resumption : undefined,
    },
    {
      verifyPeer: (each) => engine.acceptPeer(each.session, verdict),
      certificateRequested: (each) => requests.push(each),
      established: (each) => answered.push(each),
    },
  );
  await server.established;
  const { resumed } = (await client.established) ?? assert.fail('no handshake');
  const programs = { atServer: ours.program, atClient: theirs.program };
  return { server, client, shown, requests, answered, resumed, ...programs };
}

type Pair = Awaited<ReturnType<typeof pair>>;

async function asked({ server, requests }: Pair): Promise<void> {
  const before = requests.length;
  const request = { peer: 'request', local: { credentials: [] }, timeout: 30_000 } as const;
  assert.equal(await engine.renew(server.id, request), 'asked');
  await until('the question', () => requests.length > before);
}

async function settled({ server, shown }: Pair): Promise<readonly Buffer[]> {
  await until('the answer', () => shown.length > 0);
  engine.acceptPeer(server.id, verdict);
  return shown.pop() ?? [];
}

async function talk({ atServer, atClient }: Pair): Promise<void> {
  for (const [from, to] of [
    [atServer, atClient],
    [atClient, atServer],
  ] as const) {
    from.write('hello');
    assert.equal(String((await event(to, 'data'))[0]), 'hello');
  }
}

async function over({ server, client, atServer, atClient }: Pair): Promise<void> {
  atServer.resume().end();
  atClient.resume().end();
  await server.closed;
  await client.closed;
}

test('a client that is asked later shows what the brain says, also nothing, and never what it showed before', async () => {
  const one = await pair();
  await talk(one);
  for (const credentials of [[johns], [], [johns]]) {
    await asked(one);
    // Others go on meanwhile.
    const beside = await pair();
    await talk(beside);
    await over(beside);
    engine.chooseLocal(one.client.id, { credentials });
    assert.deepEqual(await settled(one), credentials.length === 0 ? [] : john.chain);
    assert.equal(one.answered.at(-1)?.credential, credentials[0] ?? 0);
    await talk(one);
  }
  await over(one);
});

test('a client whose keys were changed, or that was resumed, is asked like others', async () => {
  const first = await pair(true);
  await talk(first);
  await over(first);
  const one = await pair(true);
  assert.equal(one.resumed, true);
  const rekey = { peer: 'require', local: { credentials: [] }, timeout: 0 } as const;
  assert.equal(await engine.renew(one.client.id, rekey), 'rekeyed');
  await asked(one);
  engine.chooseLocal(one.client.id, { credentials: [johns] });
  assert.deepEqual(await settled(one), john.chain);
  assert.equal(one.answered.at(-1)?.credential, johns);
  await talk(one);
  await over(one);
});

test('what was sent behind the question is delivered behind the answer, and what ends meanwhile leaves nothing', async () => {
  const before = openDescriptors();
  const one = await pair();
  await asked(one);
  one.atServer.end('all that it had to say');
  engine.chooseLocal(one.client.id, { credentials: [] });
  await settled(one);
  assert.equal(String((await event(one.atClient, 'data'))[0]), 'all that it had to say');
  await over(one);
  for (const end of ['abort', 'drain'] as const) {
    const other = await pair();
    await asked(other);
    engine.close(other.client.id, end);
    await other.client.closed;
    other.atClient.destroy();
    other.atServer.destroy();
    await other.server.closed;
  }
  await nothingLeft(engine, before);
});
