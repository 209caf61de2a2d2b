import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import * as sockets from '../../../src/core/engine/sockets.ts';
import { decode, encode } from '../../../src/core/protocol/codec.ts';
import { startTlsFlags } from '../../../src/core/protocol/flags.ts';
import type { Envelope, Message, StartTls } from '../../../src/core/protocol/message.ts';
import { patience } from '../../patience.ts';

const MESSAGE = 388;

/** A connection to the pool on which a test may say whatever it likes, byte by byte. */
export class RawClient implements Disposable {
  readonly fd: number;
  #closed = false;

  constructor(socket: string) {
    this.fd = sockets.connectUnix(socket);
  }

  /** Sends bytes, the descriptor going with the first of them; waits for room. */
  async send(bytes: Buffer, passed?: number): Promise<void> {
    let sent = 0;
    for (const start = Date.now(); sent < bytes.length && Date.now() - start < patience; ) {
      const fd = sent === 0 ? passed : undefined;
      const taken = sockets.send(this.fd, bytes.subarray(sent), fd);
      if (taken === undefined) await pause(1);
      sent += taken ?? 0;
    }
    if (sent < bytes.length) throw new Error(`the pool took ${sent} of ${bytes.length} bytes`);
  }

  async say(
    message: Message,
    {
      requestId = 1,
      callbackId = 0,
      fd,
    }: { requestId?: number; callbackId?: number; fd?: number | undefined } = {},
  ): Promise<void> {
    await this.send(encode({ requestId, callbackId, message }), fd);
  }

  /** The next message; undefined: the pool hung up. */
  async hear(): Promise<Envelope | undefined> {
    const frame = Buffer.alloc(MESSAGE);
    let filled = 0;
    for (const start = Date.now(); Date.now() - start < patience; ) {
      const received = sockets.receive(this.fd, frame, filled);
      if (received?.bytes === 0) return undefined;
      filled += received?.bytes ?? 0;
      if (filled === MESSAGE) return decode(frame);
      if (received === undefined) await pause(2);
    }
    throw new Error('the pool said nothing');
  }

  /** The number of the error that is answered; fails on anything else. */
  async refusal(requestId = 1): Promise<number> {
    const answer = await this.hear();
    if (answer?.message.command === 'error' && answer.requestId === requestId) {
      return answer.message.number;
    }
    throw new Error(`no error, but ${JSON.stringify(answer)}`);
  }

  /** Idempotent. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    sockets.closeFd(this.fd);
  }
}

/** STARTTLS as a server that asks nobody who they are. */
export function startTls(changes: Partial<StartTls> = {}): StartTls {
  const { localRoleServer, remoteRoleClient, ignoreRemoteId } = startTlsFlags;
  return {
    command: 'starttls',
    flags: localRoleServer | remoteRoleClient | ignoreRemoteId,
    local: 0,
    ipProtocol: 6,
    streamId: 0,
    localId: '',
    remoteId: '',
    ctlkey: randomBytes(16),
    service: '',
    timeout: 0,
    ...changes,
  };
}
