import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { until } from '../../patience.ts';
import {
  clientHello,
  cookieIn,
  MESSAGE_TYPE,
  SERVER_HELLO,
  showing,
  stranger,
} from './datagram-cookies.ts';
import { open, Pki, startEngine } from './fixture.ts';

const pki = new Pki();
const engine = startEngine();
const credential = await pki.credential(engine, pki.leaf('p256', 'server.example'));
const server = { role: 'server', datagrams: true, local: { credentials: [credential] } } as const;

after(async () => {
  await engine.stop();
  pki[Symbol.dispose]();
});

test('a server does nothing for a client before that has brought its cookie back', async () => {
  const hello = await clientHello(engine);
  using client = await stranger();
  using other = await stranger();
  const asked: string[] = [];
  const answers = { hello: ({ type }: { type: string }) => asked.push(type) };
  const session = open(engine, { ...server, local: 'ask', fd: client.fd }, answers);
  const elsewhere = open(engine, { ...server, local: 'ask', fd: other.fd }, answers);
  const cookie = cookieIn(await client.ask(hello));
  assert.equal(cookie.length, 32);
  assert.deepEqual(cookieIn(await client.ask(hello)), cookie, 'nothing is kept of the first');
  const foreign = cookieIn(await other.ask(hello));
  assert.notDeepEqual(foreign, cookie);
  const wrong = Buffer.from(cookie);
  wrong[0] = (wrong[0] ?? 0) ^ 1;
  for (const shown of [wrong, foreign, cookie.subarray(1), Buffer.alloc(255)]) {
    assert.deepEqual(cookieIn(await client.ask(showing(hello, shown, 1))), cookie);
  }
  assert.deepEqual(asked, [], 'the brain has heard nothing');
  assert.equal(engine.state().parkedJobs, 0);
  // The right one is worth an answer.
  const answered = client.ask(showing(hello, cookie, 1));
  await until('a question to the brain', () => asked.length > 0);
  engine.chooseLocal(session.id, { credentials: [credential] });
  assert.equal((await answered)[MESSAGE_TYPE], SERVER_HELLO);
  for (const { id, closed } of [session, elsewhere]) {
    engine.close(id, 'abort');
    await closed;
  }
});

test('a client that has shown its cookie to whoever had the socket before is served at once', async () => {
  const hello = await clientHello(engine);
  using client = await stranger();
  const cookie = Buffer.alloc(32, 7);
  const datagram = showing(hello, cookie, 1);
  const session = open(engine, { ...server, fd: client.fd, hello: { datagram, cookie } });
  await until('an answer', () => client.heard.length > 0);
  const [answer = assert.fail()] = client.heard;
  assert.equal(answer[MESSAGE_TYPE], SERVER_HELLO);
  // It goes on where a HelloVerifyRequest to the first hello would have stopped.
  assert.equal(answer.readUIntBE(5, 6), 1, 'number of the record');
  assert.equal(answer.readUInt16BE(MESSAGE_TYPE + 4), 1, 'number of the message');
  engine.close(session.id, 'abort');
  await session.closed;
});

test('where that cannot be used, the client is asked for the same cookie', async () => {
  const hello = await clientHello(engine);
  const cookie = Buffer.alloc(32, 7);
  const shown = showing(hello, cookie, 1);
  const tooShort = Buffer.from('17fefd0001000000000009000100', 'hex');
  const unusable = [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    showing(hello, Buffer.alloc(32, 8), 1),
    Buffer.concat([shown, tooShort]),
  ];
  for (const datagram of unusable) {
    using client = await stranger();
    const session = open(engine, { ...server, fd: client.fd, hello: { datagram, cookie } });
    const asked = client.heard.length;
    client.say(hello);
    await until('an answer', () => client.heard.length > asked);
    assert.deepEqual(cookieIn(client.heard.at(-1) ?? assert.fail()), cookie);
    const before = client.heard.length;
    client.say(shown);
    await until('another', () => client.heard.length > before);
    assert.equal(client.heard[before]?.[MESSAGE_TYPE], SERVER_HELLO);
    engine.close(session.id, 'abort');
    await session.closed;
  }
});
