import { sendDatagram } from '../engine/process.ts';

/** What a daemon tells its service manager (sd_notify(3)); does nothing where none listens. */
export class ServiceManager {
  readonly #socket: string | undefined;

  /** @param socket NOTIFY_SOCKET of the environment */
  constructor(socket: string | undefined) {
    this.#socket = socket;
  }

  ready(status: string): void {
    this.#notify(`READY=1\nMAINPID=${process.pid}\nSTATUS=${status}`);
  }

  reloading(): void {
    const microseconds = process.hrtime.bigint() / 1_000n;
    this.#notify(`RELOADING=1\nMONOTONIC_USEC=${microseconds}`);
  }

  stopping(): void {
    this.#notify('STOPPING=1');
  }

  #notify(text: string): void {
    if (this.#socket !== undefined && this.#socket !== '') sendDatagram(this.#socket, text);
  }
}
