import { accept, closeFd, socketAddresses, type Watch, watch } from '../../engine/sockets.ts';
import { TlspoolError } from '../../errors.ts';
import { dataChannels } from '../../starttls/data-channel.ts';
import {
  type Attendance,
  type DataOrder,
  type DataPlace,
  type DataPlaces,
  DataTransfer,
  dataPatience,
  plainAddress,
} from '../../starttls/data-transfer.ts';
import type { Reach } from '../../tunnel/carriers.ts';
import { DataListeners } from './data-listeners.ts';

/** A connection that the program is about to make, for data. */
export interface ExpectedData {
  /** Takes both over, when the connection is there: the real one, and the program's plaintext. */
  carry(peer: number, program: number): Promise<void>;
  /** It is expected once more. */
  again(): void;
}

/**
 * The data connections of a wrapped program that speaks FTP. It opens and makes them itself, at its own addresses and
 * ports; which they are is heard on their control connections.
 */
export class ProgramData implements DataPlaces {
  readonly #reach: Reach;
  readonly #lost: LostData;
  readonly listeners = new DataListeners();
  /** Of programs that are about to connect, by address and port. */
  readonly #expected = new Map<string, ExpectedData>();

  /** @param reach leads a client to the program's listener of the same address */
  constructor(reach: Reach, lost: LostData) {
    this.#reach = reach;
    this.#lost = lost;
  }

  attend(program: 'client' | 'server'): Attendance {
    return this.listeners.attend(program);
  }

  /** The program connects: to whom it was told to, for data? Once. */
  expected(address: string, port: number): ExpectedData | undefined {
    const key = placeKey(address, port);
    const found = this.#expected.get(key);
    this.#expected.delete(key);
    return found;
  }

  open(order: DataOrder): DataPlace {
    if (order.by === 'program') return this.#expect(order);
    const address = plainAddress(order.control.peer.local);
    const cookie = this.listeners.name(address, order.port);
    // A listener that flags leave plain, or one of another program.
    if (cookie === undefined) return dataChannels.open(order);
    const listener = () => this.listeners.fdOf(cookie);
    return new ListenedData(order, { address, listener, reach: this.#reach, lost: this.#lost });
  }

  #expect(order: DataOrder): DataPlace {
    const { port } = order;
    const address = plainAddress(order.control.peer.remote);
    const transfer = new DataTransfer(order);
    const key = placeKey(address, port);
    const expected: ExpectedData = {
      carry: (peer, program) => transfer.carry(peer, program),
      again: () => this.#expected.set(key, expected),
    };
    expected.again();
    const forget = () => {
      clearTimeout(timer);
      if (this.#expected.get(key) === expected) this.#expected.delete(key);
      transfer.abandon();
    };
    const timer = setTimeout(forget, dataPatience).unref();
    return { address, port, begin: () => transfer.begin(), close: forget };
  }
}

/** Tells of a data connection that came to nothing; `which` says which, in words. */
type LostData = (error: TlspoolError, which: string) => void;

export function lostData(address: string): string {
  return `no data connection with ${address}`;
}

/** RFC 4217 section 10.2. */
const notThePeer = new TlspoolError(
  'starttls-stranger',
  'it does not come from the address that the control connection has',
);

interface ListenedDataMeans {
  /** As the program has it. */
  readonly address: string;
  /** undefined once it is closed */
  readonly listener: () => number | undefined;
  readonly reach: Reach;
  readonly lost: LostData;
}

/** The peer is waited for at the program's own listener. */
class ListenedData implements DataPlace {
  readonly address: string;
  readonly port: number;
  readonly #means: ListenedDataMeans;
  readonly #transfer: DataTransfer;
  readonly #timer: NodeJS.Timeout;
  #watch: Watch | undefined;

  constructor(order: DataOrder, means: ListenedDataMeans) {
    this.address = means.address;
    this.port = order.port;
    this.#means = means;
    this.#transfer = new DataTransfer(order);
    this.#timer = setTimeout(() => this.close(), dataPatience).unref();
    const fd = means.listener();
    if (fd !== undefined) this.#watch = watch(fd, { readable: true }, () => this.#accept());
  }

  begin(): void {
    this.#transfer.begin();
  }

  close(): void {
    this.#stopListening();
    this.#transfer.abandon();
  }

  #stopListening(): void {
    clearTimeout(this.#timer);
    this.#watch?.close();
    this.#watch = undefined;
  }

  #accept(): void {
    const listener = this.#means.listener();
    if (listener === undefined) {
      this.close();
      return;
    }
    try {
      const fd = accept(listener);
      if (fd === undefined) return;
      const from = plainAddress(socketAddresses(fd).remote?.address ?? '');
      if (!this.#transfer.isOf('peer', from)) {
        closeFd(fd);
        this.#means.lost(notThePeer, lostData(from));
        return;
      }
      this.#stopListening();
      this.#carry(fd).catch((error: unknown) => {
        if (!(error instanceof TlspoolError)) throw error;
        if (error.code !== 'starttls-ended') this.#means.lost(error, lostData(from));
      });
    } catch (error) {
      if (!(error instanceof TlspoolError)) throw error;
      this.close();
    }
  }

  async #carry(peer: number): Promise<void> {
    let program: number;
    try {
      program = await this.#means.reach(peer)();
    } catch (error) {
      closeFd(peer);
      throw error;
    }
    await this.#transfer.carry(peer, program);
  }
}

function placeKey(address: string, port: number): string {
  return `${plainAddress(address)} ${port}`;
}
