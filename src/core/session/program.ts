import type { Program } from '../authz/program-rule.ts';
import type { PeerCredentials } from '../engine/sockets.ts';

/** The process at the other end of a connection, as the kernel noted it when that was made. */
export function programOf(peer: PeerCredentials): Program {
  return {
    pid: peer.pid,
    uid: peer.uid,
    gids: [peer.gid],
    executable: peer.executable ?? '',
    unit: '',
    digest: () => undefined,
  };
}
