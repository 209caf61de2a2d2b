import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { PoolConnection, PoolSession, StartTlsFlags } from '../../../src/client/index.ts';
import * as sockets from '../../../src/core/engine/sockets.ts';
import { until } from '../../patience.ts';
import { freePort, listening } from './ports.ts';
import { Running } from './running.ts';

const loopback = '127.0.0.1';

/** How a session is asked for. */
export interface Terms {
  readonly localId?: string;
  readonly flags?: StartTlsFlags;
  readonly chooseLocalId?: () => string | undefined;
}

/** A session of the pool with a program of another make at its other side. */
export class Renewable implements AsyncDisposable {
  readonly session: PoolSession;
  /** Of another make. */
  readonly other: Running;
  /** Our program's end. */
  readonly plain: Socket;
  #heard = '';

  private constructor(session: PoolSession, other: Running, kept: number) {
    this.session = session;
    this.other = other;
    this.plain = new Socket({ fd: kept, allowHalfOpen: true });
    this.plain.on('data', (data: Buffer) => {
      this.#heard += data.toString();
    });
    this.plain.on('error', () => this.plain.destroy());
  }

  /** We are the server. @param command makes the client's words from the port to connect to */
  static async server(
    program: PoolConnection,
    localId: string,
    command: (port: number) => readonly string[],
    terms: Terms = { flags: { ignoreRemoteId: true } },
  ): Promise<Renewable> {
    const listener = sockets.listenTcp(loopback, 0);
    const port = sockets.socketAddresses(listener).local?.port ?? 0;
    const client = start(command(port));
    try {
      const [kept, given] = sockets.socketPair();
      const fd = await accepted(listener);
      const session = await program.startTls({
        fd,
        role: 'server',
        localId,
        plain: () => given,
        ...terms,
      });
      return new Renewable(session, client, kept);
    } catch (error) {
      await client[Symbol.asyncDispose]();
      throw error;
    } finally {
      sockets.closeFd(listener);
    }
  }

  /** We are the client. @param command makes the server's words from the port to listen at */
  static async client(
    program: PoolConnection,
    remoteId: string,
    command: (port: number) => readonly string[],
    terms: Terms = {},
  ): Promise<Renewable> {
    const port = await freePort();
    const server = start(command(port));
    try {
      await listening(port, server);
      return await Renewable.visiting(program, remoteId, port, server, terms);
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** We are a client of a server that runs already; it ends with this session. */
  static async visiting(
    program: PoolConnection,
    remoteId: string,
    port: number,
    server: Running,
    terms: Terms = {},
  ): Promise<Renewable> {
    const fd = sockets.connectTcp(loopback, port);
    const [kept, given] = sockets.socketPair();
    const session = await program.startTls({
      fd,
      role: 'client',
      remoteId,
      plain: () => given,
      ...terms,
    });
    return new Renewable(session, server, kept);
  }

  /** Types a line at the other side. */
  type(line: string): void {
    this.other.child.stdin?.write(`${line}\n`);
  }

  /** A line of the other side's arrives at our program. */
  async hears(line: string): Promise<void> {
    this.type(line);
    await this.hasHeard(line);
  }

  async hasHeard(text: string): Promise<void> {
    await until(`“${text}” at the program`, () => this.#heard.includes(text));
  }

  /** All that our program has heard. */
  get heard(): string {
    return this.#heard;
  }

  /** A line of our program's arrives at the other side. */
  async says(line: string): Promise<void> {
    this.plain.write(`${line}\n`);
    await this.other.printing(new RegExp(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.plain.destroy();
    await this.other[Symbol.asyncDispose]();
  }
}

function start([command = '', ...args]: readonly string[]): Running {
  return new Running(command, args, { stdio: 'pipe' });
}

async function accepted(listener: number): Promise<number> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await pause(5)) {
    const fd = sockets.accept(listener);
    if (fd !== undefined) return fd;
  }
  return assert.fail('nobody connected');
}
