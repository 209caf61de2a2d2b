import { getSystemErrorMap } from 'node:util';
import { socketError, watch } from '../../engine/sockets.ts';
import { TlspoolError } from '../../errors.ts';

/**
 * Resolves when a connecting socket is connected. Fails with the errno's name as code, ETIMEDOUT after `timeout` ms.
 * The descriptor stays the caller's.
 */
export function established(fd: number, timeout: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const settle = () => {
    const errno = socketError(fd);
    if (errno === 0) resolve();
    else reject(connectFailure(errno));
  };
  const watching = watch(fd, { writable: true }, settle);
  const timer = setTimeout(() => reject(connectFailure(timedOut)), timeout);
  const giveUp = () => reject(signal?.reason);
  signal?.addEventListener('abort', giveUp);
  return promise.finally(() => {
    watching.close();
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
  });
}

const timedOut = 110;

/** Why a connection to the real server, or to the program's socket, did not come about. */
export function connectFailure(errno: number): TlspoolError {
  const [code, message] = getSystemErrorMap().get(-errno) ?? [`errno-${errno}`, `errno ${errno}`];
  return new TlspoolError(code, message, { wire: errno });
}
