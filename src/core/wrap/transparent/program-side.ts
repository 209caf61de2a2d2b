import { closeFd, socketError, watch } from '../../engine/sockets.ts';
import { TlspoolError } from '../../errors.ts';
import type { Reach } from '../../tunnel/carriers.ts';
import { nativeSupervisor } from '../supervisor/native.ts';

/** Reaches the program's listener in its private network, as the client whose connection it is. */
export const reachProgram: Reach = (accepted) => {
  const native = nativeSupervisor();
  let path: Buffer | undefined;
  try {
    path = native.pathInside(accepted);
  } catch {
    // Said where somebody waits for it: what was accepted is given away first.
  }
  return () => {
    if (!path) throw new TlspoolError('client-gone', 'the client went away');
    const { fd, established } = connectInside(path);
    return established ? fd : finished(fd);
  };
};

function connectInside(path: Buffer) {
  try {
    return nativeSupervisor().connectInside(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ECONNREFUSED') throw notListening();
    throw new TlspoolError('program-unreachable', message, { cause });
  }
}

/** ms; the connection never leaves the machine. */
const patience = 10_000;

function finished(fd: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const give = (error: TlspoolError | undefined) => {
    clearTimeout(timer);
    connecting.close();
    if (!error) {
      resolve(fd);
      return;
    }
    closeFd(fd);
    reject(error);
  };
  const connecting = watch(fd, { writable: true }, () => {
    give(socketError(fd) === 0 ? undefined : notListening());
  });
  const timer = setTimeout(() => {
    give(new TlspoolError('program-unreachable', 'the program takes no connection'));
  }, patience);
  return promise;
}

function notListening(): TlspoolError {
  return new TlspoolError('program-unreachable', 'the program does not listen any more');
}
