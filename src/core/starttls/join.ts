import { once } from 'node:events';
import { Socket } from 'node:net';

export interface End {
  /** Taken over. */
  readonly fd: number;
  /** What was read from it already. */
  readonly said: Buffer;
}

/** Copies in both directions, each with an end of its own. Resolves when both sockets are closed. */
export async function join(one: End, other: End): Promise<void> {
  const [left, right] = [one, other].map(({ fd }) => {
    const socket = new Socket({ fd, allowHalfOpen: true });
    return socket.setNoDelay(true);
  }) as [Socket, Socket];
  const closed = [left, right].map((socket) => once(socket, 'close'));
  for (const [from, to] of [
    [left, right],
    [right, left],
  ] as const) {
    // The other side is told by the connection's end.
    from.on('error', () => to.destroy());
    from.on('close', (failed) => failed && to.destroy());
  }
  right.write(one.said);
  left.write(other.said);
  left.pipe(right);
  right.pipe(left);
  await Promise.allSettled(closed);
}
