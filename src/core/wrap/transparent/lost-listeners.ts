import { closeFd, type Received, receive, watch } from '../../engine/sockets.ts';
import { TlspoolError } from '../../errors.ts';
import { nativeSupervisor } from '../supervisor/native.ts';

/**
 * Tells the SO_COOKIE of each listener of the private network that its program closed, by the kernel's own messages
 * (sock_diag(7)). It does not keep the process alive.
 * @param missed more were closed at once than the kernel could tell of
 */
export function watchLostListeners(lost: (cookie: number) => void, missed: () => void): Disposable {
  const fd = nativeSupervisor().watchListenersInside();
  const messages = Buffer.alloc(bytesAtOnce);
  const watching = watch(fd, { readable: true }, () => {
    for (;;) {
      const received = next(fd, messages);
      if (received === undefined) return;
      if (received === overrun) {
        // libuv ends a watch with the first error.
        watching.update({ readable: true });
        missed();
        continue;
      }
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

const overrun = Symbol();

/** undefined: no messages now; `overrun`: some were lost (netlink(7), ENOBUFS), and others may follow. */
function next(fd: number, messages: Buffer): Received | typeof overrun | undefined {
  try {
    return receive(fd, messages, 0);
  } catch (error) {
    if (error instanceof TlspoolError && error.code === 'ENOBUFS') return overrun;
    throw error;
  }
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
