import { closeFd, setCloseOnExec, setNonBlocking, socketAddresses } from '../engine/sockets.ts';
import { systemReason, TlspoolError } from '../errors.ts';

/** A listening socket that the service manager opened for us: sd_listen_fds(3). */
export interface ActivatedSocket {
  readonly fd: number;
  /** FileDescriptorName= of the socket unit; `unknown` when none was passed. */
  readonly name: string;
  /** Its own address; undefined for anything but TCP. */
  readonly local: { readonly address: string; readonly port: number } | undefined;
}

/** The three variables of the protocol. */
export interface ActivationEnvironment {
  readonly LISTEN_PID?: string | undefined;
  readonly LISTEN_FDS?: string | undefined;
  readonly LISTEN_FDNAMES?: string | undefined;
}

/**
 * The sockets passed to this very process; none when LISTEN_PID names another one. They are made
 * close-on-exec, so that no program behind us holds the public socket.
 */
export function takeActivatedSockets(
  environment: ActivationEnvironment,
  pid: number,
): ActivatedSocket[] {
  if (environment.LISTEN_PID !== String(pid)) return [];
  const count = Number(environment.LISTEN_FDS);
  if (!Number.isInteger(count) || count < 0 || count > mostSockets) {
    throw new TlspoolError(
      'bad-activation',
      `expected LISTEN_FDS to be a number of sockets, got \`${environment.LISTEN_FDS}\``,
    );
  }
  const names = environment.LISTEN_FDNAMES?.split(':') ?? [];
  return Array.from({ length: count }, (_, index) => adopt(firstFd + index, names[index]));
}

/** Ends the sockets that nobody asked for. */
export function closeActivatedSockets(sockets: Iterable<ActivatedSocket>): void {
  for (const { fd } of sockets) closeFd(fd);
}

/** SD_LISTEN_FDS_START */
const firstFd = 3;
const mostSockets = 1024;

function adopt(fd: number, name: string | undefined): ActivatedSocket {
  try {
    setCloseOnExec(fd, true);
    setNonBlocking(fd, true);
    const { family, local } = socketAddresses(fd);
    return { fd, name: name || 'unknown', local: family === 'unix' ? undefined : local };
  } catch (cause) {
    throw new TlspoolError(
      'bad-activation',
      `descriptor ${fd}, passed by socket activation, is no socket: ${systemReason(cause)}`,
      { cause },
    );
  }
}
