import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { PlainServer } from './plain-server.ts';

/**
 * The log-in of a MySQL 8 server by caching_sha2_password (client/server protocol, "Caching SHA-256 Pluggable
 * Authentication"), without TLS and with no database behind it: commands are only agreed to.
 */
export class MySqlLogin implements AsyncDisposable {
  static readonly password = 'correct horse';
  readonly #server: PlainServer;

  /** @param cached whether it has the account in its cache, and needs no password */
  static async start(cached: boolean): Promise<MySqlLogin> {
    return new MySqlLogin(await PlainServer.start((socket) => serve(socket, cached)));
  }

  private constructor(server: PlainServer) {
    this.#server = server;
  }

  get address(): string {
    return this.#server.address;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]();
  }
}

const nonce = Buffer.from('abcdefghijklmnopqrst');
const capabilities = 0x0008_a209;
const plugin = 'caching_sha2_password\0';

function greeting(): Buffer {
  const head = Buffer.from('\x0a8.0.36\0\x01\0\0\0', 'latin1');
  const numbers = Buffer.alloc(18);
  numbers.writeUInt16LE(capabilities & 0xffff, 0);
  numbers[2] = 0x21;
  numbers.writeUInt16LE(2, 3);
  numbers.writeUInt16LE(capabilities >>> 16, 5);
  numbers[7] = nonce.length + 1;
  const first = Buffer.concat([nonce.subarray(0, 8), Buffer.alloc(1)]);
  const rest = Buffer.concat([nonce.subarray(8), Buffer.alloc(1)]);
  return Buffer.concat([head, first, numbers, rest, Buffer.from(plugin)]);
}

const agreed = Buffer.from([0, 0, 0, 2, 0, 0, 0]);
const denied = Buffer.concat([
  Buffer.from([0xff, 0x15, 0x04]),
  Buffer.from('#28000Access denied: the connection is not secure'),
]);
const [inCache, passwordPlease] = [Buffer.from([1, 3]), Buffer.from([1, 4])];

function serve(socket: Socket, cached: boolean): void {
  let unread = Buffer.alloc(0);
  let step: 'log-in' | 'password' | 'commands' = 'log-in';
  const say = (sequence: number, body: Buffer) => {
    const head = Buffer.from([body.length, body.length >> 8, 0, sequence]);
    socket.write(Buffer.concat([head, body]));
  };
  const hear = (sequence: number, body: Buffer) => {
    if (step === 'commands') say(sequence + 1, agreed);
    else if (step === 'password' || !body.includes(scramble())) say(sequence + 1, denied);
    else if (cached) {
      step = 'commands';
      say(sequence + 1, inCache);
      say(sequence + 2, agreed);
    } else {
      step = 'password';
      say(sequence + 1, passwordPlease);
    }
  };
  socket.on('error', () => undefined);
  socket.on('data', (bytes: Buffer) => {
    unread = Buffer.concat([unread, bytes]);
    while (unread.length >= 4 && unread.length >= 4 + unread.readUIntLE(0, 3)) {
      const end = 4 + unread.readUIntLE(0, 3);
      hear(unread[3] ?? 0, unread.subarray(4, end));
      unread = unread.subarray(end);
    }
  });
  say(0, greeting());
}

/** What proves the password to a server that has it in its cache. */
function scramble(): Buffer {
  const once = hash(Buffer.from(MySqlLogin.password));
  const mask = hash(Buffer.concat([hash(once), nonce]));
  return Buffer.from(once.map((byte, index) => byte ^ (mask[index] ?? 0)));
}

function hash(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
