import { closeFd, receive, send, watch } from '../../engine/sockets.ts';
import { TlspoolError } from '../../errors.ts';

/** What the launcher hands over from the process that is to become the program: its supervised.c. */
export interface HandedOver {
  /** errno of installing the filter; 0: all is well. */
  readonly error: number;
  readonly pid: number;
  /** One of its descriptors, on which to try whether we may take them. */
  readonly fd: number;
  /** Where in its memory `secret` is, to try whether we may read it. */
  readonly address: number;
  readonly secret: number;
  /** The filter's notification descriptor, the receiver's to close; undefined after an error. */
  readonly channel: number | undefined;
}

/** Sends the filter, and receives what comes back. @param timeout ms */
export async function handOver(
  channel: number,
  filter: Buffer,
  timeout: number,
): Promise<HandedOver> {
  const count = Buffer.alloc(4);
  count.writeUInt32LE(filter.length / bytesOfInstruction);
  const message = Buffer.concat([count, filter]);
  if (send(channel, message) !== message.length) {
    throw new TlspoolError('launcher-failed', 'the launcher does not take the filter');
  }
  const reply = Buffer.alloc(bytesOfReply);
  const fds = await receiveReply(channel, reply, timeout);
  const [notifications, ...surplus] = fds;
  for (const fd of surplus) closeFd(fd);
  return {
    error: reply.readUInt32LE(0),
    pid: reply.readInt32LE(4),
    fd: reply.readInt32LE(8),
    address: Number(reply.readBigUInt64LE(16)),
    secret: Number(reply.readBigUInt64LE(24)),
    channel: notifications,
  };
}

/** The program may start. */
export function letGo(channel: number): void {
  send(channel, Buffer.from('g'));
}

/** struct sock_filter */
const bytesOfInstruction = 8;
/** struct handOver */
const bytesOfReply = 32;

function receiveReply(channel: number, reply: Buffer, timeout: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) =>
      finish(() => reject(new TlspoolError('launcher-failed', `the launcher ${why}`)));
    const timer = setTimeout(() => fail('does not answer'), timeout);
    const watching = watch(channel, { readable: true }, () => {
      const received = receive(channel, reply, 0);
      if (received === undefined) return;
      if (received.bytes === reply.length) finish(() => resolve(received.fds));
      else fail('ended before it started the program');
    });
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      watching.close();
      settle();
    };
  });
}
