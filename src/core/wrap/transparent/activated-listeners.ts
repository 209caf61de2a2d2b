import { closeFd, setNonBlocking } from '../../engine/sockets.ts';
import { formatHostAndPort } from '../../tunnel/endpoint.ts';
import type { ActivatedSocket } from '../activation.ts';
import type { PortMeaning } from '../port-meaning.ts';
import { nativeSupervisor } from '../supervisor/native.ts';
import type { WrappedListeners } from './wrapped-listeners.ts';

/** What the program finds in place of the sockets that a service manager opened (sd_listen_fds(3)). */
export interface PassedListener {
  readonly fd: number;
  readonly name: string;
}

/**
 * Puts the TCP listeners among sockets that were passed to us behind TLS, as if the program had opened them; others are
 * passed on. We keep what the program gets, so that clients wait there while it restarts.
 */
export async function passListeners(
  sockets: readonly ActivatedSocket[],
  listeners: WrappedListeners,
  meaning: (port: number) => PortMeaning,
): Promise<PassedListener[]> {
  const passed: PassedListener[] = [];
  for (const { fd, name, local } of sockets) {
    const terms = local && (await listeners.agree(local.port));
    if (!terms) {
      setNonBlocking(fd, false);
      passed.push({ fd, name });
      continue;
    }
    const where = formatHostAndPort({ host: local.address, port: local.port });
    const inside = nativeSupervisor().listenInside(fd);
    setNonBlocking(inside.fd, false);
    listeners.take(fd, inside.cookie, { where, meaning: meaning(local.port), terms });
    passed.push({ fd: inside.fd, name });
  }
  return passed;
}

export function closePassedListeners(passed: readonly PassedListener[]): void {
  for (const { fd } of passed) closeFd(fd);
}
