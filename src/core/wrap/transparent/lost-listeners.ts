import { closeFd, receive, watch } from '../../engine/sockets.ts';
import { nativeSupervisor } from '../supervisor/native.ts';

/**
 * Tells the SO_COOKIE of each listener of the private network that its program closed, by the kernel's own messages
 * (sock_diag(7)). It does not keep the process alive.
 */
export function watchLostListeners(lost: (cookie: number) => void): Disposable {
  const fd = nativeSupervisor().watchListenersInside();
  const messages = Buffer.alloc(bytesAtOnce);
  const watching = watch(fd, { readable: true }, () => {
    for (;;) {
      const received = receive(fd, messages, 0);
      if (received === undefined || received.bytes === 0) return;
      for (const cookie of readCookies(messages.subarray(0, received.bytes))) lost(cookie);
    }
  });
  watching.unref();
  return {
    [Symbol.dispose]: () => {
      watching.close();
      closeFd(fd);
    },
  };
}

const bytesAtOnce = 32_768;

/** Of struct nlmsghdr, and of the cookie behind it in struct inet_diag_msg (linux/inet_diag.h). */
const headerLength = 16;
const cookieOffset = headerLength + 44;

/** The messages of a netlink datagram, each of which begins on a multiple of four bytes. */
function* readCookies(datagram: Buffer): Generator<number> {
  for (let start = 0; start + cookieOffset + 8 <= datagram.length; ) {
    const length = datagram.readUInt32LE(start);
    if (length < headerLength) return;
    if (length >= cookieOffset + 8) {
      yield Number(datagram.readBigUInt64LE(start + cookieOffset));
    }
    start += (length + 3) & ~3;
  }
}
