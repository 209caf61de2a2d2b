import type { PoolConnection, StartTlsRequest } from '../../client/index.ts';
import { closeFd, resetFd } from '../engine/sockets.ts';
import type { DialogIdentities } from './dialog.ts';
import { DialogEnd } from './dialog-end.ts';
import type { Side } from './step.ts';

/** Addresses of the control connection, as its two sockets tell them. */
export interface ControlAddresses {
  readonly local: string;
  readonly remote: string;
}

export interface DataOrder {
  readonly pool: PoolConnection;
  /** What the control connection asked of the pool: data is to have the same. */
  readonly request: Omit<StartTlsRequest, 'fd' | 'plain'>;
  /** Of resumption: nobody but the control connection's client, and its server, has a session of it. */
  readonly scope: string;
  readonly identities: DialogIdentities;
  /** Who is going to connect. */
  readonly by: Side;
  /** Where the other one listens, at the address of its end of the control connection. */
  readonly port: number;
  readonly control: Readonly<Record<Side, ControlAddresses>>;
}

/** Where one data connection of FTP is to be made to, as the side that connects is told. */
export interface DataPlace {
  readonly address: string;
  readonly port: number;
  /** The transfer has been agreed to. */
  begin(): void;
  /** Nobody is waited for any more. What flows already goes on. */
  close(): void;
}

/** How data connections of FTP come about, for control connections that pass through this process. */
export interface DataPlaces {
  /** Called for each control connection; the result is disposed of at its end. @param program what it is for FTP */
  attend(program: 'client' | 'server'): Attendance;
  open(order: DataOrder): DataPlace;
}

/** One control connection, as far as it tells of data connections that are to come. */
export interface Attendance extends Disposable {
  /** The program, a server, is about to hear that it is to listen. Once for each time that it is. */
  asked(): void;
  /** It has said where it does, and that was `open`ed, or that it does not; a client by each command that names nothing. */
  answered(): void;
}

/**
 * The TLS of one data connection. Its sockets are connected before that, as programs wait for them; TLS begins when the
 * transfer has been agreed to (RFC 4217 section 7).
 */
export class DataTransfer {
  readonly #order: DataOrder;
  readonly #begun = Promise.withResolvers<void>();

  constructor(order: DataOrder) {
    this.#order = order;
    this.#begun.promise.catch(() => undefined);
  }

  begin(): void {
    this.#begun.resolve();
  }

  /** Without effect on a transfer that has begun. */
  abandon(): void {
    this.#begun.reject(new DialogEnd('starttls-ended', 'the transfer never began'));
  }

  /** Whether an address is that of the other end of the control connection (RFC 4217 section 10.2). */
  isOf(side: Side, address: string): boolean {
    return plainAddress(address) === plainAddress(this.#order.control[side].remote);
  }

  /**
   * Leads the two sockets together, with TLS at the peer's; takes both over. Its failure shows as their end, to the program
   * as a reset: to a server, an end of stream would be the end of a file.
   */
  async carry(peer: number, program: number): Promise<void> {
    const { pool, request, scope, identities } = this.#order;
    let given = false;
    await this.#untilBegun(peer, program);
    try {
      await pool.startTls({
        ...request,
        ...(request.role === 'server' && { localId: identities.localId, localIds: [] }),
        resumptionScope: scope,
        fd: peer,
        plain: ({ remoteId }, details) => {
          const known = remoteId !== '' || details?.resumed === true;
          if (remoteId !== identities.remoteId || !known) throw stranger();
          given = true;
          return program;
        },
      });
    } finally {
      if (!given) resetFd(program);
    }
  }

  /** Lets go of both if that never comes. */
  async #untilBegun(peer: number, program: number): Promise<void> {
    try {
      await this.#begun.promise;
    } catch (error) {
      closeFd(peer);
      resetFd(program);
      throw error;
    }
  }
}

/** ms for somebody to connect, and the transfer to begin. */
export const dataPatience = 60_000;

function stranger(): DialogEnd {
  return new DialogEnd(
    'starttls-stranger',
    'the data connection is neither resumed from the control connection, nor shows the same identity',
  );
}

/** A dual-stack socket shows IPv4 as ::ffff:192.0.2.1 (RFC 4291 section 2.5.5.2). */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}
