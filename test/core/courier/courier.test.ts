import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { after, before, test } from 'node:test';
import { connect } from '../../../src/client/index.ts';
import { Courier } from '../../../src/core/courier/courier.ts';
import { builtLauncher } from '../../../src/core/engine/launcher.ts';
import { startOf } from '../../../src/core/engine/process.ts';
import {
  accept,
  closeFd,
  listenTcp,
  send,
  socketAddresses,
  watch,
} from '../../../src/core/engine/sockets.ts';
import { TlspoolError } from '../../../src/core/errors.ts';
import type { ClaimedProcess } from '../../../src/core/protocol/extension.ts';
import { PoolLink } from '../../../src/core/tunnel/pool-link.ts';
import { nativeSupervisor } from '../../../src/core/wrap/supervisor/native.ts';
import { openPrivateNetwork } from '../../../src/core/wrap/supervisor/private-network.ts';
import { until, within } from '../../patience.ts';
import { connected, name, readAll } from '../../programs/stage/clients.ts';
import { PlainServer } from '../../programs/stage/plain-server.ts';
import { Pool } from '../../programs/stage/pool.ts';

let pool: Pool;
let link: PoolLink;

before(async () => {
  pool = await Pool.serving([[name, '--key', 'ec-p256']]);
  link = await PoolLink.open(() => connect({ socket: pool.socket }));
  await openPrivateNetwork(builtLauncher);
});

after(async () => {
  link.close();
  await pool[Symbol.asyncDispose]();
});

/** A program that listens in the private network, with a courier that brings it its clients. */
class Served implements AsyncDisposable {
  readonly lost: TlspoolError[] = [];
  readonly port: number;
  readonly intake;
  readonly #courier: Courier;
  #inside: number | undefined;

  static async by(link: PoolLink, localId = name, limit = 16): Promise<Served> {
    const courier = await Courier.open(link);
    assert.ok(courier);
    return new Served(courier, localId, limit);
  }

  constructor(courier: Courier, localId: string, limit: number, process?: ClaimedProcess) {
    const listener = listenTcp('127.0.0.1', 0);
    this.port = socketAddresses(listener).local?.port ?? 0;
    this.#courier = courier;
    this.#inside = nativeSupervisor().listenInside(listener).fd;
    this.intake = courier.serve({
      listeners: [listener],
      ask: { role: 'server', localIds: [localId], flags: { ignoreRemoteId: true }, process },
      limit,
      events: { lost: (error) => this.lost.push(error), failed: (error) => assert.fail(error) },
    });
  }

  /** Greets the next client, and hangs up. */
  async greet(): Promise<void> {
    const inside = this.#inside ?? assert.fail('the program does not listen');
    const client = await within('a client', acceptFrom(inside));
    send(client, Buffer.from('hello'));
    closeFd(client);
  }

  /** The program listens no more. */
  closeInside(): void {
    if (this.#inside !== undefined) closeFd(this.#inside);
    this.#inside = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closeInside();
    await within('the end of all visits', this.intake.close());
    this.#courier[Symbol.dispose]();
  }
}

function acceptFrom(listener: number): Promise<number> {
  return new Promise((resolve) => {
    const watching = watch(listener, { readable: true }, () => {
      const client = accept(listener);
      if (client === undefined) return;
      watching.close();
      resolve(client);
    });
  });
}

async function greeting(port: number): Promise<string> {
  const socket = await connected(pool, port);
  const text = await readAll(socket);
  socket.destroy();
  return text;
}

test('clients get to the program, each with its own TLS', async () => {
  await using served = await Served.by(link);
  for (let visit = 0; visit < 5; visit++) {
    const [text] = await Promise.all([greeting(served.port), served.greet()]);
    assert.equal(text, 'hello');
  }
  assert.deepEqual(served.lost, []);
});

test('with room for one at a time others wait, and get their turn', async () => {
  await using served = await Served.by(link, name, 1);
  const texts = Promise.all(Array.from({ length: 8 }, () => greeting(served.port)));
  for (let visit = 0; visit < 8; visit++) await served.greet();
  assert.deepEqual(
    await texts,
    Array.from({ length: 8 }, () => 'hello'),
  );
  assert.deepEqual(served.lost, []);
});

test('clients of several listeners share the room, and all get their turn', async () => {
  const courier = (await Courier.open(link)) ?? assert.fail('no courier');
  using _closing = courier;
  await using echo = await PlainServer.echo();
  const listeners = ['127.0.0.1', '127.0.0.2'].map((host) => listenTcp(host, 0));
  const ends = listeners.map((fd) => socketAddresses(fd).local ?? assert.fail('no address'));
  const lost: TlspoolError[] = [];
  const intake = courier.serve({
    listeners,
    ask: { role: 'server', localIds: [name], flags: { ignoreRemoteId: true } },
    target: { kind: 'tcp', host: '127.0.0.1', port: echo.port },
    limit: 1,
    events: { lost: (error) => lost.push(error), failed: (error) => assert.fail(error) },
  });
  const visits = [...ends, ...ends, ...ends].map(async ({ address, port }, index) => {
    const socket = await connected(pool, port, { host: address });
    socket.end(`visit ${index}`);
    const text = await readAll(socket);
    socket.destroy();
    return text;
  });
  const expected = visits.map((_, index) => `visit ${index}`);
  assert.deepEqual(await Promise.all(visits), expected);
  await within('the end of all visits', intake.close());
  assert.deepEqual(lost, []);
});

test('what the pool refuses is told with its reason', async () => {
  await using served = await Served.by(link, 'nobody.example.com');
  await assert.rejects(greeting(served.port));
  await until('the loss', () => served.lost.length === 1);
  assert.match(served.lost[0]?.message ?? '', /nobody\.example\.com/);
});

test('a program that listens no more is told of, and the client gets nothing', async () => {
  await using served = await Served.by(link);
  served.closeInside();
  await assert.rejects(greeting(served.port));
  await until('the loss', () => served.lost.length > 0);
  assert.deepEqual(
    served.lost.map(({ code, message }) => [code, message]),
    [['program-unreachable', 'the program does not listen any more']],
  );
});

test('a process is judged as it was, also when it has ended since', async () => {
  const courier = await Courier.open(link);
  assert.ok(courier);
  using _closing = courier;
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
  await once(child, 'spawn');
  const claim = { pid: child.pid ?? 0, started: startOf(child.pid ?? 0) };
  const judge = () => courier.judge({ process: claim, role: 'server', localIds: [name] });
  await judge();
  await using served = new Served(courier, name, 16, claim);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await assert.rejects(judge, { code: 'ESRCH' });
  const [text] = await Promise.all([greeting(served.port), served.greet()]);
  assert.equal(text, 'hello');
});

test('a courier that is closed answers no question', async () => {
  const courier = await Courier.open(link);
  assert.ok(courier);
  courier[Symbol.dispose]();
  const process = { pid: globalThis.process.pid, started: startOf(globalThis.process.pid) };
  const asked = courier.judge({ process, role: 'server', localIds: [name] });
  await assert.rejects(within('an answer', asked), /closed here/);
});

test('a listener that is closed is free at once, and nothing is told of what is on its way', async () => {
  const served = await Served.by(link);
  const silent = connectTcp(served.port, '127.0.0.1');
  await once(silent, 'connect');
  const closed = served.intake.close();
  closeFd(listenTcp('127.0.0.1', served.port));
  silent.destroy();
  await within('the end of the visit', closed);
  assert.deepEqual(served.lost, []);
  await served[Symbol.asyncDispose]();
});

test('when the pool goes and comes back, clients wait and are served', async () => {
  await using served = await Served.by(link);
  await pool.stopServing();
  const text = greeting(served.port);
  await pool.serve();
  await served.greet();
  assert.equal(await text, 'hello');
});

test('a pool that takes no other connection is left to whoever has one', async () => {
  const only = await connect({ socket: pool.socket });
  let opened = false;
  const closed = new TlspoolError('no-daemon', 'the socket is gone');
  const alone = await PoolLink.open(async () => {
    if (opened) throw closed;
    opened = true;
    return only;
  });
  assert.equal(await Courier.open(alone), undefined);
  alone.close();
});
