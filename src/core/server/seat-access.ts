import type { PeerCredentials } from '../engine/sockets.ts';
import { PosixError } from '../protocol/errors.ts';

/** Root, the pool's own user, and members of `seat_group`. @throws PosixError EACCES */
export function requireSeatAccess(peer: PeerCredentials, seatGroup: number | undefined): void {
  if (isOwner(peer) || isSeatMember(peer, seatGroup)) return;
  throw new PosixError(
    'EACCES',
    `user ${peer.uid} may not ask people for this pool`,
    seatGroup === undefined
      ? "Only root and the pool's user may; `seat_group` of the configuration lets others."
      : "Only root, the pool's user and members of `seat_group` may.",
  );
}

/** Root, or the pool's own user. */
export function isOwner({ uid }: PeerCredentials): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

export function isSeatMember(
  { gid, groups }: PeerCredentials,
  seatGroup: number | undefined,
): boolean {
  return seatGroup !== undefined && (gid === seatGroup || groups.includes(seatGroup));
}
