import { setTimeout as pause } from 'node:timers/promises';
import { resolvePaths } from '../core/config/paths.ts';
import { connectUnix } from '../core/engine/sockets.ts';
import { TlspoolError } from '../core/errors.ts';
import { noDaemon } from './errors.ts';
import { PoolConnection } from './pool-connection.ts';

export interface ConnectOptions {
  /** The pool's socket; by default TLSPOOL_SOCKET, `socket_name` of tlspool.conf, or the place for this user. */
  readonly socket?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** ms between attempts while the pool's queue of new connections is full. */
const PAUSE = 20;
/** ms for the pool to answer at all. */
const PATIENCE = 10_000;

/** @throws TlspoolError `no-daemon` (exit code 3) */
export async function connect(options: ConnectOptions = {}): Promise<PoolConnection> {
  const socket = options.socket ?? defaultSocket();
  const patience = AbortSignal.timeout(PATIENCE);
  const signal = options.signal ? AbortSignal.any([options.signal, patience]) : patience;
  const pool = new PoolConnection(await openSocket(socket, signal));
  const giveUp = () => pool.close();
  signal.addEventListener('abort', giveUp);
  try {
    await pool.ping();
    return pool;
  } catch (error) {
    pool.close();
    options.signal?.throwIfAborted();
    throw noDaemon(socket, error);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

async function openSocket(socket: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    try {
      return connectUnix(socket);
    } catch (error) {
      const full = error instanceof TlspoolError && error.code === 'EAGAIN';
      if (!full || signal.aborted) throw noDaemon(socket, error);
    }
    await pause(PAUSE);
  }
}

function defaultSocket(): string {
  return resolvePaths({}, process.env, process.geteuid?.() ?? -1).socket;
}
