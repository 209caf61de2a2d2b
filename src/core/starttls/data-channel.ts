import type { PoolConnection, StartTlsRequest } from '../../client/index.ts';
import {
  accept,
  closeFd,
  listenTcp,
  socketAddresses,
  type Watch,
  watch,
} from '../engine/sockets.ts';
import { TlspoolError } from '../errors.ts';
import { connectTo } from '../tunnel/target.ts';
import { DialogEnd, type DialogIdentities, type Side } from './dialog.ts';

/** Addresses of the control connection, as its two sockets tell them. */
export interface ControlAddresses {
  readonly local: string;
  readonly remote: string;
}

export interface DataOrder {
  readonly pool: PoolConnection;
  /** What the control connection asked of the pool: data is to have the same. */
  readonly request: Omit<StartTlsRequest, 'fd' | 'plain'>;
  readonly identities: DialogIdentities;
  /** Who is going to connect to us. */
  readonly by: Side;
  /** Where the other one listens, at the address of its end of the control connection. */
  readonly port: number;
  readonly control: Readonly<Record<Side, ControlAddresses>>;
}

/**
 * One data connection of FTP: whoever connects is led to the other side, and TLS is spoken with the peer from `begin`
 * on. Connections are complete at the level of TCP before that, as programs wait for them.
 */
export class DataChannel {
  readonly address: string;
  readonly port: number;
  readonly #order: DataOrder;
  readonly #begun = Promise.withResolvers<void>();
  #listener: number;
  #watch: Watch | undefined;
  #timer: NodeJS.Timeout;

  /** Listens where the side that connects has its control connection. */
  constructor(order: DataOrder) {
    this.#order = order;
    this.#begun.promise.catch(() => undefined);
    this.#listener = listenTcp(order.control[order.by].local, 0, { backlog: 8 });
    const { local } = socketAddresses(this.#listener);
    this.address = plain(order.control[order.by].local);
    this.port = local?.port ?? 0;
    this.#watch = watch(this.#listener, { readable: true }, () => this.#accept());
    this.#timer = setTimeout(() => this.close(), patience);
    this.#timer.unref();
  }

  /** The transfer has been agreed to. */
  begin(): void {
    this.#begun.resolve();
  }

  /** Nobody is waited for any more. What flows already goes on. */
  close(): void {
    this.#stopListening();
    this.#begun.reject(new DialogEnd('starttls-ended', 'the transfer never began'));
  }

  #stopListening(): void {
    if (!this.#watch) return;
    clearTimeout(this.#timer);
    this.#watch.close();
    this.#watch = undefined;
    closeFd(this.#listener);
  }

  #accept(): void {
    try {
      const fd = accept(this.#listener);
      if (fd === undefined) return;
      if (plain(socketAddresses(fd).remote?.address ?? '') !== this.#expected()) {
        closeFd(fd);
        return;
      }
      this.#stopListening();
      // Its failure shows as the end of both connections, as which the protocol reports it.
      this.#carry(fd).catch(() => undefined);
    } catch (error) {
      if (!(error instanceof TlspoolError)) throw error;
      this.close();
    }
  }

  /** RFC 4217 section 10.2: from the same host. */
  #expected(): string {
    return plain(this.#order.control[this.#order.by].remote);
  }

  async #carry(accepted: number): Promise<void> {
    const { by, port, control, pool, request, identities } = this.#order;
    const other = by === 'peer' ? 'program' : 'peer';
    const open = new Set([accepted]);
    try {
      const target = { kind: 'tcp' as const, host: control[other].remote, port };
      const connected = await connectTo(target, connectTimeout);
      open.add(connected);
      await this.#begun.promise;
      const [fd, ours] = by === 'peer' ? [accepted, connected] : [connected, accepted];
      open.delete(fd);
      await pool.startTls({
        ...request,
        ...(request.role === 'server' && { localId: identities.localId, localIds: [] }),
        fd,
        plain: ({ remoteId }, details) => {
          const known = remoteId !== '' || details?.resumed === true;
          if (remoteId !== identities.remoteId || !known) throw stranger();
          open.delete(ours);
          return ours;
        },
      });
    } finally {
      for (const fd of open) closeFd(fd);
    }
  }
}

/** ms for somebody to connect, and the transfer to begin. */
const patience = 60_000;
const connectTimeout = 10_000;

function stranger(): DialogEnd {
  return new DialogEnd(
    'starttls-stranger',
    'the data connection is neither resumed from the control connection, nor shows the same identity',
  );
}

/** A dual-stack socket shows IPv4 as ::ffff:192.0.2.1 (RFC 4291 section 2.5.5.2). */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}
