import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { getSystemErrorMap } from 'node:util';
import { closeFd, receive, socketPair, watch } from '../../engine/sockets.ts';
import { TlspoolError } from '../../errors.ts';
import { nativeSupervisor } from './native.ts';

/** Where the program's listeners are, out of everybody's reach but ours. */
export interface PrivateNetwork {
  /** Process id of who keeps it. */
  readonly keeper: number;
  /** Resolves when that has ended before us: no connection reaches the program any more. */
  readonly lost: Promise<TlspoolError>;
}

/**
 * Starts the process that keeps the program's private network (src/native/supervisor/private-network.h); it ends with
 * ours. Once for this process.
 * Fails with `no-private-network` where the system refuses one.
 */
export async function openPrivateNetwork(launcher: string): Promise<PrivateNetwork> {
  const [ours, theirs] = socketPair();
  let keeper: ChildProcess;
  try {
    keeper = spawn(launcher, ['--private-network', '3'], {
      stdio: ['ignore', 'ignore', 'ignore', theirs],
      detached: true,
    });
    keeper.on('error', () => undefined);
    keeper.unref();
  } finally {
    closeFd(theirs);
  }
  const lost = once(keeper, 'exit').then(() => failure('who kept it was killed'));
  lost.catch(() => undefined);
  await ready(ours).catch((error: unknown) => {
    closeFd(ours);
    throw error;
  });
  nativeSupervisor().privateNetworkOpen(ours);
  return { keeper: keeper.pid ?? 0, lost };
}

/** ms. Where many namespaces come and go, the kernel makes one wait; a launcher that ends is heard of at once. */
const patience = 60_000;

function ready(channel: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(failure('the launcher does not answer')), patience);
  const message = Buffer.alloc(256);
  const watching = watch(channel, { readable: true }, () => {
    const received = receive(channel, message, 0);
    if (received === undefined) return;
    const text = message.subarray(0, received.bytes);
    if (text[0] === 'r'.charCodeAt(0)) resolve();
    else reject(text.length > 5 ? refusal(text) : failure('the launcher ended'));
  });
  return promise.finally(() => {
    clearTimeout(timer);
    watching.close();
  });
}

function refusal(message: Buffer): TlspoolError {
  const errno = message.readUInt32LE(1);
  const why = getSystemErrorMap().get(-errno)?.[1] ?? `errno ${errno}`;
  return failure(`the system refuses ${message.toString('utf8', 5)}: ${why}`);
}

function failure(why: string): TlspoolError {
  return new TlspoolError('no-private-network', `there is no private network for it: ${why}`, {
    hint: 'What works without: --listen, --inetd (tlspool wrap --help)',
  });
}
