import { chmodSync, chownSync, lstatSync, type Stats, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { lockFile } from '../engine/process.ts';
import { closeFd, connectUnix, listenUnix } from '../engine/sockets.ts';
import { systemReason, TlspoolError } from '../errors.ts';

export interface SocketAccess {
  /** Permission bits: who may connect. */
  readonly mode: number;
  /** -1: as created. */
  readonly uid: number;
  readonly gid: number;
}

const BACKLOG = 4096;

/** A listening UNIX socket at a path of its own. */
export interface Listener {
  readonly fd: number;
  /** Takes the path away, unless it is another's by now. The descriptor stays. */
  removePath(): void;
}

/**
 * Makes sure that one pool only serves a socket, for as long as the returned descriptor is open.
 * @throws TlspoolError `already-running`
 */
export function lockSocket(path: string): number {
  const lock = openLock(path);
  if (lock === undefined) throw alreadyRunning(path);
  return lock;
}

/**
 * Listens at a path, in place of a socket that nobody listens at any more. The caller holds the lock.
 * @throws TlspoolError `already-running`, `socket-unusable`
 */
export function listenAt(path: string, access: SocketAccess): Listener {
  removeStale(path);
  // The socket is never open to more users than it is meant for, not even for a moment.
  const umask = process.umask(0o177);
  let fd: number;
  try {
    fd = listenUnix(path, BACKLOG);
  } catch (error) {
    throw unusable(path, error);
  } finally {
    process.umask(umask);
  }
  return { fd, removePath: grant(path, access, fd) };
}

/** Gives access, and returns the way to take the path away again. */
function grant(path: string, { mode, uid, gid }: SocketAccess, fd: number): () => void {
  try {
    if (uid !== -1 || gid !== -1) chownSync(path, uid, gid);
    chmodSync(path, mode);
    const { dev, ino } = lstatSync(path);
    return () => {
      const now = lstatSync(path, { throwIfNoEntry: false });
      if (now?.dev === dev && now.ino === ino) unlinkSync(path);
    };
  } catch (error) {
    closeFd(fd);
    throw unusable(path, error);
  }
}

function openLock(path: string): number | undefined {
  try {
    return lockFile(`${path}.lock`);
  } catch (error) {
    throw unusable(path, error);
  }
}

function removeStale(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  requireSocket(path, found);
  if (answers(path)) throw alreadyRunning(path);
  unlinkSync(path);
}

function requireSocket(path: string, found: Stats): void {
  if (found.isSocket()) return;
  throw new TlspoolError('socket-unusable', `${path} is there, and it is not a socket`, {
    hint: 'Remove it, or give another path with --socket.',
  });
}

/** Whether someone listens: a socket that nobody listens at refuses connections. */
function answers(path: string): boolean {
  try {
    closeFd(connectUnix(path));
    return true;
  } catch (error) {
    const code = error instanceof TlspoolError ? error.code : undefined;
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return false;
    if (code === 'EAGAIN') return true;
    throw unusable(path, error);
  }
}

function alreadyRunning(path: string): TlspoolError {
  return new TlspoolError('already-running', `a pool runs at ${path} already`, {
    hint: 'See `tlspool status`, or give another path with --socket.',
  });
}

function unusable(path: string, cause: unknown): TlspoolError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
  const hints: Readonly<Record<string, string>> = {
    ENOENT: `There is no folder ${dirname(path)}: make it, or give another path with --socket.`,
    EACCES: `This user may not write in ${dirname(path)}: give another path with --socket.`,
    ENAMETOOLONG: "A socket's path takes at most 107 bytes: give a shorter one with --socket.",
    EPERM: 'Only root may give the socket to another user: see socket_user and socket_group.',
  };
  return new TlspoolError('socket-unusable', `cannot listen at ${path}: ${systemReason(cause)}`, {
    hint: hints[code],
    cause,
  });
}
