import { lookup } from 'node:dns/promises';
import {
  bindUdp,
  closeFd,
  connectTcp,
  connectUdp,
  connectUnix,
  socketError,
  watch,
} from '../engine/sockets.ts';
import { systemReason, TlspoolError } from '../errors.ts';
import { type Endpoint, formatEndpoint, isAddress, type TcpEndpoint } from './endpoint.ts';

/**
 * A connected socket to the endpoint, the caller's to close. A name's addresses are tried in the resolver's
 * order. Fails with `target-unreachable`, or `target-timeout` after `timeout` ms.
 */
export async function connectTo(endpoint: Endpoint, timeout: number): Promise<number> {
  const deadline = Date.now() + timeout;
  try {
    return endpoint.kind === 'unix'
      ? await connectToPath(endpoint.path, deadline)
      : await connectToFirst(endpoint, deadline);
  } catch (cause) {
    if (cause instanceof TlspoolError && cause.code === timedOut) throw cause;
    throw unreachable(endpoint, cause);
  }
}

/** The same for datagrams: a UDP socket that is connected to the first address of the name. */
export async function connectForDatagrams(endpoint: Endpoint, timeout: number): Promise<number> {
  try {
    if (endpoint.kind === 'unix') throw new Error('datagrams go to UDP ports only');
    const { host, port } = endpoint;
    if (isAddress(host)) return udpTo(host, port);
    const [first] = await addressesOf(endpoint, Date.now() + timeout);
    return udpTo(first?.address ?? '', port);
  } catch (cause) {
    if (cause instanceof TlspoolError && cause.code === timedOut) throw cause;
    throw unreachable(endpoint, cause);
  }
}

function udpTo(address: string, port: number): number {
  const fd = bindUdp(address.includes(':') ? '::' : '0.0.0.0', 0);
  try {
    connectUdp(fd, address, port);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

function unreachable(endpoint: Endpoint, cause: unknown): TlspoolError {
  return new TlspoolError(
    'target-unreachable',
    `cannot connect to ${formatEndpoint(endpoint)}: ${systemReason(cause)}`,
    { cause },
  );
}

const timedOut = 'target-timeout';

/**
 * A UNIX connect never waits on a non-blocking socket: while the listener's queue is full it fails with
 * EAGAIN (connect(2)), and no event tells when to try again.
 */
async function connectToPath(path: string, deadline: number): Promise<number> {
  for (let pause = 1; ; pause = Math.min(pause * 2, longestPause)) {
    try {
      return connectUnix(path);
    } catch (error) {
      if (!(error instanceof TlspoolError) || error.code !== 'EAGAIN') throw error;
      if (Date.now() + pause > deadline) throw timeoutError(path);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

/** ms */
const longestPause = 50;

async function connectToFirst(endpoint: TcpEndpoint, deadline: number): Promise<number> {
  if (isAddress(endpoint.host)) return connectToAddress(endpoint.host, endpoint, deadline);
  const addresses = await addressesOf(endpoint, deadline);
  let failure: unknown;
  for (const { address } of addresses) {
    try {
      return await connectToAddress(address, endpoint, deadline);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** The system's resolver has no end of its own that could be set. */
async function addressesOf(endpoint: TcpEndpoint, deadline: number) {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const patience = Math.max(0, deadline - Date.now());
  const timer = setTimeout(() => reject(timeoutError(formatEndpoint(endpoint))), patience);
  try {
    return await Promise.race([lookup(endpoint.host, { all: true }), late]);
  } finally {
    clearTimeout(timer);
  }
}

function connectToAddress(
  address: string,
  endpoint: TcpEndpoint,
  deadline: number,
): Promise<number> {
  const fd = connectTcp(address, endpoint.port);
  return new Promise((resolve, reject) => {
    const connecting = watch(fd, { writable: true }, () => {
      finish(socketFailure(fd));
    });
    const timer = setTimeout(
      () => finish(timeoutError(formatEndpoint(endpoint))),
      Math.max(0, deadline - Date.now()),
    );
    const finish = (failure: TlspoolError | undefined) => {
      clearTimeout(timer);
      connecting.close();
      if (!failure) {
        resolve(fd);
        return;
      }
      closeFd(fd);
      reject(failure);
    };
  });
}

function socketFailure(fd: number): TlspoolError | undefined {
  const number = socketError(fd);
  return number === 0
    ? undefined
    : new TlspoolError('connect-failed', `errno ${number}`, { wire: number });
}

function timeoutError(target: string): TlspoolError {
  return new TlspoolError(timedOut, `no connection to ${target} in time`);
}
