import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { listenUnix, setNonBlocking } from '../engine/sockets.ts';
import type { UnixEndpoint } from '../tunnel/endpoint.ts';

/**
 * The folder of the sockets between the pool and the program. Only its owner may enter (0700), so that no
 * other local user can go round TLS and its checks.
 */
export class PrivateFolder {
  readonly path: string;

  constructor(parent: string) {
    this.path = mkdtempSync(join(parent, 'tlspool-wrap-'));
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The socket that the program listens on, and where it is connected to. */
export interface InnerListener {
  readonly fd: number;
  readonly endpoint: UnixEndpoint;
}

/** Blocking, as service managers pass them: a program that simply calls accept() waits there. */
export function openInnerListener(folder: PrivateFolder, index: number): InnerListener {
  const path = join(folder.path, String(index));
  const fd = listenUnix(path, backlog);
  setNonBlocking(fd, false);
  return { fd, endpoint: { kind: 'unix', path } };
}

/** Limited by net.core.somaxconn. */
const backlog = 4096;
