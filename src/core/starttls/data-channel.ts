import {
  accept,
  closeFd,
  listenTcp,
  resetFd,
  socketAddresses,
  type Watch,
  watch,
} from '../engine/sockets.ts';
import { TlspoolError } from '../errors.ts';
import { connectTo } from '../tunnel/target.ts';
import {
  type Attendance,
  type DataOrder,
  type DataPlace,
  type DataPlaces,
  DataTransfer,
  dataPatience,
  plainAddress,
} from './data-transfer.ts';

/** Data connections that pass through this process as their control connection does. */
export const dataChannels: DataPlaces = {
  attend: () => inattentive,
  open: (order) => new DataChannel(order),
};

/** Who listens is reached through this process, whenever that began. */
const inattentive: Attendance = {
  asked: () => undefined,
  answered: () => undefined,
  [Symbol.dispose]: () => undefined,
};

/**
 * One data connection of FTP: whoever connects here is led to the other side. Connections are complete at the level of
 * TCP before there is TLS.
 */
class DataChannel implements DataPlace {
  readonly address: string;
  readonly port: number;
  readonly #order: DataOrder;
  readonly #transfer: DataTransfer;
  readonly #listener: number;
  #watch: Watch | undefined;
  #timer: NodeJS.Timeout;

  /** Listens where the side that connects has its control connection. */
  constructor(order: DataOrder) {
    this.#order = order;
    this.#transfer = new DataTransfer(order);
    this.#listener = listenTcp(order.control[order.by].local, 0, { backlog: 8 });
    const { local } = socketAddresses(this.#listener);
    this.address = plainAddress(order.control[order.by].local);
    this.port = local?.port ?? 0;
    this.#watch = watch(this.#listener, { readable: true }, () => this.#accept());
    this.#timer = setTimeout(() => this.close(), dataPatience);
    this.#timer.unref();
  }

  begin(): void {
    this.#transfer.begin();
  }

  close(): void {
    this.#stopListening();
    this.#transfer.abandon();
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
      const from = socketAddresses(fd).remote?.address ?? '';
      if (!this.#transfer.isOf(this.#order.by, from)) {
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

  async #carry(accepted: number): Promise<void> {
    const { by, port, control } = this.#order;
    const other = by === 'peer' ? 'program' : 'peer';
    const target = { kind: 'tcp' as const, host: control[other].remote, port };
    let connected: number;
    try {
      connected = await connectTo(target, connectTimeout);
    } catch (error) {
      resetFd(accepted);
      throw error;
    }
    const [peer, program] = by === 'peer' ? [accepted, connected] : [connected, accepted];
    await this.#transfer.carry(peer, program);
  }
}

/** ms */
const connectTimeout = 10_000;
