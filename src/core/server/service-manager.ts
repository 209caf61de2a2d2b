import { sendDatagram } from '../engine/process.ts';
import type { Log } from '../telemetry/log.ts';

/** What a daemon tells its service manager (sd_notify(3)), if there is one that listens. */
export class ServiceManager {
  readonly #socket: string | undefined;
  readonly #log: Log;

  /** @param socket NOTIFY_SOCKET of the environment */
  constructor(socket: string | undefined, log: Log) {
    this.#socket = socket;
    this.#log = log;
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

  /** Programs are served whether the manager hears of it or not. */
  #notify(text: string): void {
    if (this.#socket === undefined || this.#socket === '') return;
    try {
      sendDatagram(this.#socket, text);
    } catch (error) {
      this.#log.warn({ err: error, socket: this.#socket }, 'the service manager cannot be told');
    }
  }
}
