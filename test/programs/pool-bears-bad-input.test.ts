import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect, Socket } from 'node:net';
import { constants } from 'node:os';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import tls, { type TLSSocket } from 'node:tls';
import { status } from '../../src/client/administration.ts';
import * as sockets from '../../src/core/engine/sockets.ts';
import { encode } from '../../src/core/protocol/codec.ts';
import { poolErrorNumber } from '../../src/core/protocol/errors.ts';
import { startTlsFlags } from '../../src/core/protocol/flags.ts';
import type { Control } from '../../src/core/protocol/message.ts';
import { event, until, withTimeEnough } from '../patience.ts';
import { Pool } from './stage/pool.ts';
import { RawClient, startTls } from './stage/raw-client.ts';

const name = 'www.example.com';
const { EBADMSG, ECANCELED, EINVAL, ETIMEDOUT } = constants.errno;
let pool: Pool;
let idle: number;

before(async () => {
  pool = await Pool.serving([[name]]);
  await handshakeOf(new RawClient(pool.socket));
  idle = await settled();
});

after(async () => {
  await pool[Symbol.asyncDispose]();
});

/** The descriptors that the daemon has open, once that no longer changes. */
async function settled(): Promise<number> {
  let before = -1;
  await until('a daemon at rest', async () => {
    await pause(50);
    const { openFiles, sessions, connections } = await status({ socket: pool.socket });
    if (openFiles === before && sessions === 0 && connections === 0) return true;
    before = openFiles;
    return false;
  });
  return before;
}

/** A whole handshake and its end, to show that the daemon does its work. */
async function handshakeOf(client: RawClient): Promise<void> {
  using _closed = client;
  const [ours, given] = sockets.socketPair();
  const [kept, plain] = sockets.socketPair();
  await client.say(startTls({ localId: name }), { fd: given });
  sockets.closeFd(given);
  const peer = connectTls(ours);
  const asked = await client.hear();
  assert.equal(asked?.message.command, 'plaintextConnect');
  await client.say(asked.message, { callbackId: asked.callbackId, fd: plain });
  sockets.closeFd(plain);
  assert.equal((await client.hear())?.message.command, 'starttls');
  (await peer).destroy();
  sockets.closeFd(kept);
}

async function connectTls(fd: number): Promise<TLSSocket> {
  const socket = tls.connect({
    socket: new Socket({ fd }),
    servername: name,
    rejectUnauthorized: false,
  });
  await event(socket, 'secureConnect');
  // How the pool ends the connection is not what is tested.
  return socket.on('error', () => socket.destroy());
}

/** A test that leaves the daemon with no descriptor more than before, and at work. */
function survived(
  what: string,
  scenario: (client: RawClient) => Promise<void>,
  skip: string | false = false,
): void {
  test(what, { skip }, async () => {
    {
      using client = new RawClient(pool.socket);
      await scenario(client);
    }
    await handshakeOf(new RawClient(pool.socket));
    // A connection lingers for a moment after its session.
    await until('no descriptor is left open', async () => (await settled()) <= idle);
    assert.equal(pool.daemon.child.exitCode, null);
  });
}

/** Nothing is answered to it itself. */
const withdraw = (ctlkey: Buffer): Control => ({ command: 'withdraw', flags: 0, ctlkey, name: '' });
const ping = { command: 'ping', identity: 'x@example.com', facilities: 0 } as const;

survived('a message that ends short', async (client) => {
  await client.send(Buffer.alloc(387));
  sockets.shutdownFd(client.fd, 'write');
  assert.equal(await client.hear(), undefined);
});

survived('a stream of noise is answered message by message', async (client) => {
  const noise = Buffer.alloc(10 * 388, 0xa5);
  await client.send(noise);
  for (let count = 0; count < 10; count += 1) {
    assert.equal(await client.refusal(0xa5a5), poolErrorNumber('COMMAND_UNKNOWN'));
  }
});

survived('messages that are glued together, and ones that come byte by byte', async (client) => {
  const three = [1, 2, 3].map((requestId) => encode({ requestId, callbackId: 0, message: ping }));
  await client.send(Buffer.concat(three));
  for (const byte of encode({ requestId: 4, callbackId: 0, message: ping })) {
    await client.send(Buffer.of(byte));
  }
  for (let expected = 1; expected <= 4; expected += 1) {
    assert.equal((await client.hear())?.requestId, expected);
  }
});

survived('text without an end', async (client) => {
  const message = encode({ requestId: 1, callbackId: 0, message: startTls() });
  message.fill('a', 8 + 12, 8 + 140);
  await client.send(message);
  assert.equal(await client.refusal(), EBADMSG);
});

survived(
  'a handshake that is withdrawn, by whoever asked for it and nobody else',
  async (client) => {
    using other = new RawClient(pool.socket);
    const [ours, given] = sockets.socketPair();
    const request = startTls({ localId: name, timeout: 0xffff_ffff });
    await client.say(request, { fd: given });
    sockets.closeFd(given);
    await other.say(withdraw(request.ctlkey));
    await client.say(withdraw(Buffer.alloc(16)));
    for (const asking of [other, client]) {
      await asking.say(ping, { requestId: 2 });
      assert.equal((await asking.hear())?.message.command, 'ping');
    }
    await client.say(withdraw(request.ctlkey));
    assert.equal(await client.refusal(), ECANCELED);
    const socket = new Socket({ fd: ours }).resume();
    await event(socket, 'end');
    socket.destroy();
  },
);

survived('a session that is withdrawn when both sides know each other', async (client) => {
  const [ours, given] = sockets.socketPair();
  const [kept, plain] = sockets.socketPair();
  const request = startTls({ localId: name, timeout: 0xffff_ffff });
  await client.say(request, { fd: given });
  sockets.closeFd(given);
  const peer = await connectTls(ours);
  const asked = await client.hear();
  assert.equal(asked?.message.command, 'plaintextConnect');
  await client.say(withdraw(request.ctlkey));
  await client.say(asked.message, { callbackId: asked.callbackId, fd: plain });
  sockets.closeFd(plain);
  assert.equal(await client.refusal(), ECANCELED);
  await client.say(ping, { requestId: 2 });
  assert.equal((await client.hear())?.message.command, 'ping');
  peer.destroy();
  sockets.closeFd(kept);
});

survived('answers that nobody asked for', async (client) => {
  await client.say({ ...startTls(), command: 'plaintextConnect' }, { callbackId: 7 });
  assert.equal(await client.refusal(), poolErrorNumber('COMMAND_UNKNOWN'));
  await client.say({ command: 'success' }, { requestId: 2 });
  assert.equal(await client.refusal(2), poolErrorNumber('COMMAND_UNKNOWN'));
});

survived('no socket where one is needed', async (client) => {
  await client.say(startTls());
  assert.equal(await client.refusal(), poolErrorNumber('CIPHER_SOCKET_NEEDED'));
});

survived('a socket where none is wanted', async (client) => {
  const [one, other] = sockets.socketPair();
  await client.say({ command: 'ping', identity: 'x@example.com', facilities: 1 }, { fd: one });
  assert.equal(await client.refusal(), poolErrorNumber('SUPERFLUOUS_SOCKET'));
  for (const fd of [one, other]) sockets.closeFd(fd);
});

survived('two sockets with one message', async (client) => {
  const [one, other] = sockets.socketPair();
  const message = encode({ requestId: 1, callbackId: 0, message: startTls() });
  await client.send(message.subarray(0, 100), one);
  await client.send(message.subarray(100), other);
  assert.equal(await client.refusal(), poolErrorNumber('SUPERFLUOUS_SOCKET'));
  for (const fd of [one, other]) sockets.closeFd(fd);
});

survived('sockets stay with their messages when those are read at once', async (client) => {
  const [one, other] = sockets.socketPair();
  await client.say({ command: 'ping', identity: 'x@example.com', facilities: 1 });
  await client.say(startTls({ localId: 'nobody.example.com' }), { requestId: 2, fd: one });
  await client.say({ command: 'ping', identity: 'x@example.com', facilities: 1 }, { requestId: 3 });
  assert.equal((await client.hear())?.message.command, 'ping');
  const refused = [await client.hear(), await client.hear()];
  const byRequest = new Map(refused.map((answer) => [answer?.requestId, answer?.message.command]));
  assert.deepEqual([byRequest.get(2), byRequest.get(3)], ['error', 'ping']);
  for (const fd of [one, other]) sockets.closeFd(fd);
});

survived('a file in the place of a socket', async (client) => {
  const file = openSync('/dev/null', 'r+');
  await client.say(startTls({ localId: name }), { fd: file });
  assert.equal(await client.refusal(), poolErrorNumber('CIPHER_SOCKET_NEEDED'));
  closeSync(file);
});

survived('a socket that listens instead of being connected', async (client) => {
  const listener = sockets.listenTcp('127.0.0.1', 0);
  await client.say(startTls({ localId: name }), { fd: listener });
  assert.equal(await client.refusal(), poolErrorNumber('CIPHER_SOCKET_NEEDED'));
  sockets.closeFd(listener);
});

survived('a program that is gone in the middle of a message with a socket', async (client) => {
  const [one, other] = sockets.socketPair();
  await client.send(Buffer.alloc(100), one);
  for (const fd of [one, other]) sockets.closeFd(fd);
  await pause(20);
});

survived('a program that is gone in the middle of a handshake', async (client) => {
  const [one, other] = sockets.socketPair();
  await client.say(startTls(), { fd: one });
  sockets.closeFd(one);
  await pause(50);
  sockets.closeFd(other);
});

survived('an answer without a socket, and one that is no answer', async (client) => {
  for (const wrong of ['none', 'other', 'file'] as const) {
    const [one, other] = sockets.socketPair();
    await client.say(startTls({ localId: name }), { fd: one });
    sockets.closeFd(one);
    const peer = connectTls(other).catch(() => undefined);
    const asked = await client.hear();
    assert.ok(asked?.message.command === 'plaintextConnect');
    const { callbackId } = asked;
    const file = openSync('/dev/null', 'r+');
    if (wrong === 'none') await client.say(asked.message, { callbackId });
    if (wrong === 'other') await client.say({ command: 'success' }, { callbackId, fd: file });
    if (wrong === 'file') await client.say(asked.message, { callbackId, fd: file });
    closeSync(file);
    const expected = wrong === 'other' ? 'COMMAND_BAD_CALLBACK_RESPONSE' : 'PLAIN_SOCKET_NEEDED';
    assert.equal(await client.refusal(), poolErrorNumber(expected));
    (await peer)?.destroy();
  }
});

survived('an answer that comes too late is dropped, and its socket closed', async (client) => {
  const { question, callbackId } = await withTimeEnough(
    'a question in the time of the handshake',
    async (timeout) => {
      const [one, other] = sockets.socketPair();
      await client.say(startTls({ localId: name, timeout }), { fd: one });
      sockets.closeFd(one);
      const peer = connectTls(other);
      peer.catch(() => undefined);
      const asked = await client.hear();
      if (asked?.message.command === 'error' && asked.message.number === ETIMEDOUT) {
        return undefined;
      }
      assert.ok(asked?.message.command === 'plaintextConnect');
      assert.equal(await client.refusal(), ETIMEDOUT);
      (await peer).destroy();
      return { question: asked.message, callbackId: asked.callbackId };
    },
    300,
  );
  const [late, kept] = sockets.socketPair();
  await client.say(question, { callbackId, fd: late });
  await client.say({ command: 'ping', identity: 'x@example.com', facilities: 1 }, { requestId: 2 });
  assert.equal((await client.hear())?.requestId, 2, 'there is one final response only');
  for (const fd of [late, kept]) sockets.closeFd(fd);
});

survived('a key that is taken', async (client) => {
  const ctlkey = Buffer.alloc(16, 1);
  const [one, other] = sockets.socketPair();
  await client.say(startTls({ ctlkey }), { fd: one });
  await client.say(startTls({ ctlkey }), { requestId: 2, fd: other });
  assert.equal(await client.refusal(2), poolErrorNumber('CTLKEY_REGISTRATION_FAILED'));
  for (const fd of [one, other]) sockets.closeFd(fd);
});

survived('flags and protocols that cannot be', async (client) => {
  const { dtls, localRoleClient } = startTlsFlags;
  const cases = [
    startTls({ flags: 0x8000_0000 | startTls().flags }),
    startTls({ flags: dtls | startTls().flags }),
    startTls({ flags: localRoleClient }),
    startTls({ ipProtocol: 17 }),
  ];
  for (const message of cases) {
    const [one, other] = sockets.socketPair();
    await client.say({ ...message, flags: message.flags >>> 0 }, { fd: one });
    assert.equal(await client.refusal(), poolErrorNumber('COMMAND_NOTIMPL'));
    for (const fd of [one, other]) sockets.closeFd(fd);
  }
});

survived('renewal of a session that is not there, and with a socket', async (client) => {
  const message = startTls({ flags: startTlsFlags.renegotiate | startTls().flags });
  await client.say(message);
  assert.equal(await client.refusal(), poolErrorNumber('RENOGIATE_NOT_FOUND'));
  const [one, other] = sockets.socketPair();
  await client.say(message, { requestId: 2, fd: one });
  assert.equal(await client.refusal(2), poolErrorNumber('SUPERFLUOUS_SOCKET'));
  for (const fd of [one, other]) sockets.closeFd(fd);
});

survived('names that are none', async (client) => {
  for (const localId of ['exa mple.com', 'a@b@', '192.0.2.1', '..']) {
    const [one, other] = sockets.socketPair();
    await client.say(startTls({ localId }), { fd: one });
    assert.equal(await client.refusal(), EINVAL, localId);
    for (const fd of [one, other]) sockets.closeFd(fd);
  }
});

survived('options without their STARTTLS, and options that are none', async (client) => {
  const options = { command: 'starttlsOptions', data: Buffer.alloc(380) } as const;
  const [one, other] = sockets.socketPair();
  await client.say(options, { fd: one });
  await client.say({ command: 'ping', identity: 'x@example.com', facilities: 1 }, { requestId: 2 });
  assert.equal(await client.refusal(), poolErrorNumber('COMMAND_NEEDED'));
  assert.equal((await client.hear())?.message.command, 'ping');
  await client.say({ ...options, data: Buffer.alloc(380, 0xff) }, { fd: one });
  await client.say(startTls());
  assert.equal(await client.refusal(), EBADMSG);
  for (let count = 0; count < 64; count += 1) await client.say(options);
  await client.say(options);
  assert.equal(await client.refusal(), constants.errno.EMSGSIZE);
  for (const fd of [one, other]) sockets.closeFd(fd);
});

survived('a program that never reads what it is answered', async (client) => {
  const ping = encode({
    requestId: 1,
    callbackId: 0,
    message: { command: 'ping', identity: 'x@example.com', facilities: 1 },
  });
  let sent = 0;
  for (let full = 0; full < 20; ) {
    const taken = sockets.send(client.fd, ping.subarray(sent % 388));
    if (taken === undefined) {
      full += 1;
      await pause(20);
    } else {
      full = 0;
      sent += taken;
    }
  }
  assert.ok(sent < 4_000_000, `the pool took ${sent} bytes without being read`);
});

survived('plain HTTP spoken to TLS', async (client) => {
  const listener = sockets.listenTcp('127.0.0.1', 0);
  const { local } = sockets.socketAddresses(listener);
  const browser = connect(local?.port ?? 0, '127.0.0.1');
  await event(browser, 'connect');
  const accepted = sockets.accept(listener);
  await client.say(startTls({ localId: name }), { fd: accepted });
  if (accepted !== undefined) sockets.closeFd(accepted);
  browser.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  const answer = await client.hear();
  assert.ok(answer?.message.command === 'error');
  assert.equal(answer.message.number, poolErrorNumber('STIRRED_NOT_SHAKEN'));
  assert.match(answer.message.text, /http request/i);
  browser.destroy();
  sockets.closeFd(listener);
});

const many = 10_000;

survived(
  'ten thousand connections that never speak TLS, while others are served',
  async (client) => {
    const memory = residentMemory();
    const silent: number[] = [];
    let refused = 0;
    const refusals = (async () => {
      for (; refused < many; refused += 1) {
        const answer = await client.hear();
        assert.ok(
          answer?.message.command === 'error',
          `${JSON.stringify(answer)} after ${refused}`,
        );
        if (answer.requestId % 10 !== 0) assert.equal(answer.message.number, ETIMEDOUT);
      }
    })();
    refusals.catch(() => undefined);
    try {
      for (let count = 1; count <= many; count += 1) {
        const [one, other] = sockets.socketPair();
        await client.say(startTls({ timeout: 2_000 }), { requestId: count, fd: one });
        sockets.closeFd(one);
        // Some hang up at once.
        if (count % 10 === 0) sockets.closeFd(other);
        else silent.push(other);
        if (count % 100 === 0) await pause(1);
        if (count % 2_500 === 0) await handshakeOf(new RawClient(pool.socket));
      }
      await refusals;
    } finally {
      for (const fd of silent) sockets.closeFd(fd);
    }
    await until('memory is given back', async () => {
      await pause(50);
      return residentMemory() < memory + 64 * 1_024;
    });
  },
  tooFewFiles(many + 1_000),
);

/** Why so many descriptors cannot be had here, or false. Node has raised the soft limit to the hard one. */
function tooFewFiles(needed: number): string | false {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const soft = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  return soft < needed && `takes ${needed} open files; ulimit -Hn gives ${soft}`;
}

/** Of the daemon, in KiB. */
function residentMemory(): number {
  const text = readFileSync(`/proc/${pool.daemon.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1]);
}
