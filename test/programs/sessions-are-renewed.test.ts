import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import {
  connect,
  type PoolConnection,
  type PoolSession,
  type StartTlsFlags,
} from '../../src/client/index.ts';
import * as sockets from '../../src/core/engine/sockets.ts';
import { within } from '../patience.ts';
import { OwnCa } from './stage/own-ca.ts';
import { Pool } from './stage/pool.ts';
import { Running } from './stage/running.ts';

const name = 'www.example.com';
const member = 'mary@example.com';
const stranger = 'eve@example.net';

let pool: Pool;
let program: PoolConnection;
const ca = new OwnCa();
before(async () => {
  pool = await Pool.serving([[name]]);
  await pool.command('trust', 'add', ca.file, '--role', 'client', '--for', '@example.com');
  program = await connect({ socket: pool.socket });
  await program.ping();
});
after(async () => {
  program?.close();
  await pool?.[Symbol.asyncDispose]();
  ca[Symbol.dispose]();
});

/** A server's session whose client is `openssl s_client`. */
class Met implements AsyncDisposable {
  readonly session: PoolSession;
  readonly client: Running;
  readonly plain: Socket;
  #heard = '';

  private constructor(session: PoolSession, client: Running, plain: Socket) {
    this.session = session;
    this.client = client;
    this.plain = plain;
    plain.on('data', (data: Buffer) => {
      this.#heard += data.toString();
    });
    plain.on('error', () => plain.destroy());
  }

  static async by(client: readonly string[], flags: StartTlsFlags = { ignoreRemoteId: true }) {
    const listener = sockets.listenTcp('127.0.0.1', 0);
    const port = sockets.socketAddresses(listener).local?.port;
    const to = ['-connect', `127.0.0.1:${port}`, '-servername', name, '-CAfile', pool.caFile];
    const openssl = new Running('openssl', ['s_client', ...to, '-brief', ...client], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    try {
      const [kept, given] = sockets.socketPair();
      const fd = await accepted(listener);
      const session = await program.startTls({
        fd,
        role: 'server',
        localId: name,
        flags,
        plain: () => given,
      });
      return new Met(session, openssl, new Socket({ fd: kept, allowHalfOpen: true }));
    } catch (error) {
      await openssl[Symbol.asyncDispose]();
      throw error;
    } finally {
      sockets.closeFd(listener);
    }
  }

  /** A line of the client's arrives at the program. */
  async hears(line: string): Promise<void> {
    this.client.child.stdin?.write(`${line}\n`);
    await within(line, this.#hearing(line));
  }

  async #hearing(line: string): Promise<void> {
    while (!this.#heard.includes(line)) await pause(20);
  }

  /** A line of the program's arrives at the client. */
  async says(line: string): Promise<void> {
    this.plain.write(`${line}\n`);
    await this.client.printing(new RegExp(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.plain.destroy();
    await this.client[Symbol.asyncDispose]();
  }
}

async function accepted(listener: number): Promise<number> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await pause(5)) {
    const fd = sockets.accept(listener);
    if (fd !== undefined) return fd;
  }
  return assert.fail('nobody connected');
}

function asClient(user: string): string[] {
  const { key, cert } = ca.issue(user);
  return ['-cert', cert, '-key', key];
}

test('a client is asked after the handshake who it is, and data flows before and after', async () => {
  await using met = await Met.by(['-enable_pha', ...asClient(member)]);
  assert.equal(met.session.remoteId, '');
  await met.hears('before');
  const renewed = await met.session.renew();
  assert.equal(renewed.remoteId, member);
  assert.equal(renewed.localId, name);
  const details = await renewed.details();
  assert.match(details.version, /1\.3/);
  await met.hears('after');
  await met.says('answer');
  // The certificate is the session's now.
  const kind = 'peerSubject';
  assert.ok((await program.info({ ctlkey: met.session.ctlkey, kind })).length > 0);
  const [open] = JSON.parse(await pool.command('sessions', 'list', '--json')).sessions;
  assert.equal(open.remoteId, member);
  // And once more.
  assert.equal((await met.session.renew()).remoteId, member);
  await met.hears('again');
});

test('who is not trusted loses the session, and hears why; the program is told', async () => {
  await using met = await Met.by(['-enable_pha', ...asClient(stranger)]);
  await met.hears('before');
  const ended = once(met.plain, 'end');
  await assert.rejects(met.session.renew(), {
    code: 'stirred-not-shaken',
    message: /not accepted/,
  });
  await within('the end of the session', ended);
  await met.client.ended;
  assert.match(met.client.stderr, /alert/);
});

test('rules are asked anew: whom they deny by now loses the session', async () => {
  await using met = await Met.by(['-enable_pha', ...asClient(member)]);
  await met.hears('before');
  await pool.command('authz', 'deny', member, '--to', name, '--name', 'no-mary');
  try {
    const ended = once(met.plain, 'end');
    await assert.rejects(met.session.renew(), { code: 'EACCES', message: /no-mary/ });
    await within('the end of the session', ended);
    await met.client.ended;
    assert.match(met.client.stderr, /access denied/);
  } finally {
    await pool.command('authz', 'remove', 'no-mary');
  }
});

test('a client that has nothing to show stays if it may, and goes if it must not', async () => {
  await using met = await Met.by(['-enable_pha']);
  const renewed = await met.session.renew({ flags: { requestRemoteId: true } });
  assert.equal(renewed.remoteId, '');
  await met.hears('still there');
  await assert.rejects(met.session.renew(), { code: 'stirred-not-shaken' });
  await met.client.ended;
  assert.match(met.client.stderr, /certificate required/);
});

test('keys are changed where nobody is to be asked', async () => {
  await using met = await Met.by(['-enable_pha', '-msg']);
  const renewed = await met.session.renew({ flags: { ignoreRemoteId: true } });
  assert.equal(renewed.remoteId, '');
  await met.says('with new keys');
  assert.match(met.client.stdout, /KeyUpdate/);
  await met.hears('in both directions');
});

test('what cannot be renewed says so, and goes on', async () => {
  await using silent = await Met.by([]);
  await assert.rejects(silent.session.renew(), {
    code: 'renogiate-not-interruptable',
    message: /cannot|did not say/,
  });
  await silent.hears('still there');
  await using old = await Met.by(['-tls1_2']);
  await assert.rejects(old.session.renew(), { code: 'command-notimpl', message: /TLS 1\.2/ });
  await old.hears('still there');
  // Not on the connection that it is attached to.
  await using other = Object.assign(await connect({ socket: pool.socket }), {
    [Symbol.asyncDispose]: async () => {},
  });
  await assert.rejects(other.renew(old.session, {}), { code: 'renogiate-not-found' });
  other.close();
});

test('a client that does not answer in time loses the session', async () => {
  await using met = await Met.by(['-enable_pha', ...asClient(member)]);
  await met.hears('before');
  const { pid } = met.client;
  process.kill(pid, 'SIGSTOP');
  try {
    await assert.rejects(met.session.renew({ timeout: 200 }), { code: 'ETIMEDOUT' });
  } finally {
    process.kill(pid, 'SIGCONT');
  }
});
