import type { PeerCredentials } from '../engine/sockets.ts';
import { PosixError } from '../protocol/errors.ts';

/**
 * May this program act as this local identity? Root and the pool's own user may, as all; rules for others come with
 * `authz`. @param identity as it was asked for, '' if none was
 * @throws PosixError EACCES
 */
export function requireProgram(peer: PeerCredentials, identity: string): void {
  if (peer.uid === 0 || peer.uid === process.geteuid?.()) return;
  const what = identity === '' ? 'use the pool' : `act as ${identity}`;
  throw new PosixError(
    'EACCES',
    `user ${peer.uid} may not ${what}`,
    "Only root and the pool's user may until there are rules for programs (authz).",
  );
}
