import { closeFd, peerCredentials } from '../engine/sockets.ts';
import { TlspoolError } from '../errors.ts';
import type { Log } from '../telemetry/log.ts';
import { Acceptor } from '../tunnel/acceptor.ts';
import { Connection, type Requests } from './connection.ts';

/** The programs that are connected. */
export class Connections {
  readonly #requests: Requests;
  readonly #limit: number;
  readonly #log: Log;
  readonly #acceptor: Acceptor;
  readonly #open = new Set<Connection>();
  #accepting = true;

  /**
   * @param listener a listening UNIX socket, which it takes over
   * @param limit connections at once; more wait in the kernel's queue
   */
  constructor(listener: number, requests: Requests, limit: number, log: Log) {
    this.#requests = requests;
    this.#limit = limit;
    this.#log = log;
    this.#acceptor = new Acceptor(listener, {
      connection: (fd) => this.#accept(fd),
      failed: (error) => log.error({ error: error.message }, 'no more connections are accepted'),
    });
    this.#acceptor.resume();
  }

  get size(): number {
    return this.#open.size;
  }

  /** Those that are open stay. */
  stopAccepting(): void {
    this.#accepting = false;
    this.#acceptor.close();
  }

  /** Drops all, and with them what they asked for. */
  close(): void {
    this.stopAccepting();
    for (const connection of [...this.#open]) {
      connection.close();
      this.#closed(connection, undefined);
    }
  }

  #accept(fd: number): void {
    try {
      this.#open.add(this.#connect(fd));
    } catch (error) {
      closeFd(fd);
      if (!(error instanceof TlspoolError)) throw error;
      this.#log.warn({ error: error.message }, 'a connection was not taken');
    }
    if (this.#open.size >= this.#limit) this.#acceptor.pause();
  }

  #connect(fd: number): Connection {
    return new Connection(fd, peerCredentials(fd), this.#requests, (gone, error) =>
      this.#closed(gone, error),
    );
  }

  #closed(connection: Connection, error: Error | undefined): void {
    this.#open.delete(connection);
    this.#requests.closed(connection, error);
    if (this.#accepting && this.#open.size < this.#limit) this.#acceptor.resume();
  }
}
