import { peek, watch } from '../../engine/sockets.ts';
import { TlspoolError } from '../../errors.ts';

/**
 * Waits for what a program says first on a connection that has TLS already, and fails with `speaks-tls` if that is TLS
 * again. The bytes stay where they are. A program that says nothing within `patience` ms, as where its server speaks
 * first, is taken to speak plaintext. Returns whether it said something.
 */
export async function requirePlaintext(fd: number, patience: number): Promise<boolean> {
  const spoke = await readable(fd, patience);
  const start = Buffer.alloc(startLength);
  const length = peek(fd, start) ?? 0;
  if (isClientHello(start.subarray(0, length))) throw speaksTls;
  return spoke;
}

/** Of a record's header and the type of the message in it. */
const startLength = 6;

/** RFC 8446 sections 5.1 and 4: type 22, a version of 3.x, and within it message 1. */
function isClientHello([type, major, minor = 0xff, , , message = 1]: Buffer): boolean {
  return type === 0x16 && major === 3 && minor <= 4 && message === 1;
}

export const speaksTls = new TlspoolError(
  'speaks-tls',
  'the program speaks TLS there itself, and TLS inside of TLS is not what its server expects',
  {
    hint: 'Let it speak plaintext to that server (http:// for https://, sslmode=disable, …): the pool does TLS for it.',
  },
);

function readable(fd: number, patience: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const watching = watch(fd, { readable: true }, () => resolve(true));
  const timer = setTimeout(() => resolve(false), patience);
  return promise.finally(() => {
    watching.close();
    clearTimeout(timer);
  });
}
