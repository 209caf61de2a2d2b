import { type CipherGCM, createCipheriv, createHmac } from 'node:crypto';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { event } from '../../patience.ts';

const suite = { name: 'ECDHE-ECDSA-AES256-GCM-SHA384', hash: 'sha384', key: 32 };
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;

/**
 * A TLS 1.2 client that does a proper handshake and then says things that no library would: it writes its own
 * records, with the keys that were agreed on (RFC 5246 section 6.3, RFC 5288).
 */
export class Intruder {
  readonly #socket: Socket;
  readonly #key: Buffer;
  readonly #salt: Buffer;
  /** Finished was record 0. */
  #sequence = 1n;

  static async enter(socket: Socket): Promise<Intruder> {
    let heard = Buffer.alloc(0);
    const wire = new Duplex({
      read() {},
      write: (chunk, _encoding, done) => socket.write(chunk, done),
    });
    const listen = (chunk: Buffer) => {
      if (heard.length < 43) heard = Buffer.concat([heard, chunk]);
      wire.push(chunk);
    };
    socket.on('data', listen);
    const client = connect({
      socket: wire,
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.2',
      ciphers: suite.name,
    });
    const secured = event(client, 'secureConnect');
    const line = String((await event(client, 'keylog'))[0]);
    await secured;
    socket.off('data', listen).resume();
    const [, clientRandom = '', master = ''] = line.trim().split(' ');
    // Record header, handshake header, version: the random follows.
    const serverRandom = heard.subarray(11, 43);
    return new Intruder(
      socket,
      Buffer.from(clientRandom, 'hex'),
      serverRandom,
      Buffer.from(master, 'hex'),
    );
  }

  private constructor(socket: Socket, clientRandom: Buffer, serverRandom: Buffer, master: Buffer) {
    const seed = Buffer.concat([Buffer.from('key expansion'), serverRandom, clientRandom]);
    const block = expand(master, seed, 2 * suite.key + 8);
    this.#socket = socket;
    this.#key = block.subarray(0, suite.key);
    this.#salt = block.subarray(2 * suite.key, 2 * suite.key + 4);
  }

  /** Asks `times` to renegotiate, with an empty ClientHello each. */
  renegotiate(times: number): void {
    const hello = Buffer.from([1, 0, 0, 0]);
    this.#socket.write(
      Buffer.concat(Array.from({ length: times }, () => this.#record(HANDSHAKE, hello))),
    );
  }

  /** Sends data, as if nobody had asked it for anything. */
  write(text: string): void {
    this.#socket.write(this.#record(APPLICATION_DATA, Buffer.from(text)));
  }

  #record(type: number, content: Buffer): Buffer {
    const sequence = Buffer.alloc(8);
    sequence.writeBigUInt64BE(this.#sequence++);
    const nonce = Buffer.concat([this.#salt, sequence]);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce) as CipherGCM;
    cipher.setAAD(Buffer.concat([sequence, header(type, content.length)]));
    const sealed = Buffer.concat([
      sequence,
      cipher.update(content),
      cipher.final(),
      cipher.getAuthTag(),
    ]);
    return Buffer.concat([header(type, sealed.length), sealed]);
  }
}

function header(type: number, length: number): Buffer {
  return Buffer.from([type, 3, 3, length >> 8, length & 255]);
}

/** P_hash of RFC 5246 section 5. */
function expand(secret: Buffer, seed: Buffer, length: number): Buffer {
  const mac = (data: Buffer) => createHmac(suite.hash, secret).update(data).digest();
  let [chain, made] = [seed, Buffer.alloc(0)];
  while (made.length < length) {
    chain = mac(chain);
    made = Buffer.concat([made, mac(Buffer.concat([chain, seed]))]);
  }
  return made.subarray(0, length);
}
