import { accept } from '../engine/sockets.ts';
import { TlspoolError } from '../errors.ts';
import { Acceptance, largestBatch, shortages } from './acceptance.ts';

/**
 * Accepts from one listening socket, in batches and without a `net.Socket`, so that a connection that is
 * handed over at once leaves nothing behind.
 */
export class Acceptor extends Acceptance {
  protected override take(): void {
    for (let taken = 0; taken < largestBatch && this.watch.watching; taken++) {
      try {
        const fd = accept(this.listener);
        if (fd === undefined) return;
        this.events.connection(fd);
      } catch (error) {
        this.#recover(error);
        return;
      }
    }
  }

  /** accept(2): errors of a connection that went away are no errors of the listener. */
  #recover(error: unknown): void {
    if (!(error instanceof TlspoolError)) throw error;
    if (connectionErrors.has(error.code)) return;
    if (shortages.has(error.code)) {
      this.watch.breathe();
      return;
    }
    this.close();
    this.events.failed(error);
  }
}

const connectionErrors: ReadonlySet<string> = new Set([
  'ECONNABORTED',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'EINTR',
  'ENETDOWN',
  'ENETUNREACH',
  'ENONET',
  'ENOPROTOOPT',
  'EPERM',
  'EPROTO',
]);
