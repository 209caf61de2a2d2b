import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { sendDatagram } from '../engine/process.ts';
import { closeFd, listenDatagram, receive, watch } from '../engine/sockets.ts';
import { PrivateFolder } from './inner-listener.ts';

/**
 * Passes on what the program says to its service manager (sd_notify(3)): that one listens to us only, as the main
 * process of the unit, and the program is to find somebody who listens to it.
 */
export class NotifyRelay implements Disposable {
  /** The program's environment, in which NOTIFY_SOCKET is ours. */
  readonly environment: NodeJS.ProcessEnv;
  readonly #end: () => void;

  /** @param runtimeDir where the socket's folder is made, if there is a service manager at all */
  constructor(environment: NodeJS.ProcessEnv, runtimeDir: string) {
    const manager = environment.NOTIFY_SOCKET;
    if (!manager) {
      this.environment = environment;
      this.#end = () => undefined;
      return;
    }
    const folder = new PrivateFolder(runtimeDir);
    const path = join(folder.path, 'notify');
    const socket = listenDatagram(path);
    // The program may be another user's: it knows the folder's name, which nobody can list or guess.
    chmodSync(folder.path, 0o711);
    chmodSync(path, 0o777);
    const watching = watch(socket, { readable: true }, () => relay(socket, manager));
    watching.unref();
    this.environment = { ...environment, NOTIFY_SOCKET: path };
    this.#end = () => {
      relay(socket, manager);
      watching.close();
      closeFd(socket);
      folder.remove();
    };
  }

  [Symbol.dispose](): void {
    this.#end();
  }
}

function relay(socket: number, manager: string): void {
  const datagram = Buffer.alloc(longestMessage);
  for (;;) {
    const received = receive(socket, datagram, 0);
    if (received === undefined) return;
    // Of a barrier, whose end the sender waits for by seeing its descriptor closed; and of descriptors to be stored.
    for (const fd of received.fds) closeFd(fd);
    const text = passedOn(datagram.toString('utf8', 0, received.bytes));
    if (text !== '') sendOrForget(manager, text);
  }
}

/** A service manager that went away is nobody's failure here. */
function sendOrForget(manager: string, text: string): void {
  try {
    sendDatagram(manager, text);
  } catch {
    // sd_notify(3) itself is to be called so.
  }
}

const longestMessage = 65_536;

/** What speaks of processes or descriptors of the program's own is not for the unit that wrap is. */
const ownAffairs =
  /^(?:MAINPID|MAINPIDFDID|MAINPIDFD|FDSTORE|FDSTOREREMOVE|FDNAME|FDPOLL|BARRIER)=/;

function passedOn(message: string): string {
  return message
    .split('\n')
    .filter((line) => line !== '' && !ownAffairs.test(line))
    .join('\n');
}
