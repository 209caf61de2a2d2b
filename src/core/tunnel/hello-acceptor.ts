import { readDatagramHello, showsCookie } from '../dtls/client-hello.ts';
import { Cookies } from '../dtls/cookies.ts';
import { helloVerifyRequest } from '../dtls/hello-verify-request.ts';
import {
  connectWay,
  type DatagramWay,
  receiveAny,
  sendBack,
  tellWays,
} from '../engine/datagram-ways.ts';
import { TlspoolError } from '../errors.ts';
import { Acceptance, largestBatch, type MeetingEvents, shortages } from './acceptance.ts';
import { RecentWays } from './recent-ways.ts';

/**
 * Meets the clients of a DTLS server at its UDP socket. A hello is answered by a cookie and forgotten; whoever has brought
 * its cookie back gets a socket of its own, which comes with that second hello.
 */
export class HelloAcceptor extends Acceptance<MeetingEvents> {
  readonly #cookies = new Cookies();
  readonly #room = Buffer.allocUnsafe(largestHello);
  /** Who said its hello twice before it got a socket is not met twice. */
  readonly #met = new RecentWays();

  /** @param listener of `bindUdp`; it takes it over */
  constructor(listener: number, events: MeetingEvents) {
    super(listener, events);
    tellWays(listener);
  }

  protected override take(): void {
    try {
      for (let taken = 0; taken < largestBatch && this.watch.watching; taken++) {
        if (!this.#takeOne()) return;
      }
    } catch (error) {
      if (!(error instanceof TlspoolError)) throw error;
      // Who was not met for want of descriptors repeats itself; nothing else should keep a socket from being read.
      if (!shortages.has(error.code)) this.events.lost(error);
      this.watch.breathe();
    }
  }

  /** @returns whether something was there */
  #takeOne(): boolean {
    const received = receiveAny(this.listener, this.#room);
    if (received === undefined) {
      this.#met.clear();
      return false;
    }
    this.#met.count();
    if (received.bytes <= largestHello)
      this.#hear(received, this.#room.subarray(0, received.bytes));
    return true;
  }

  #hear(way: DatagramWay, datagram: Buffer): void {
    const hello = readDatagramHello(datagram);
    if (hello === undefined) return;
    if (showsCookie(hello) && this.#cookies.areShown(way, hello)) {
      this.#meet(way, Buffer.from(datagram));
      return;
    }
    // An answer that the socket does not take is lost as any other may be: the hello comes again.
    sendBack(
      this.listener,
      helloVerifyRequest(hello.recordSequence, this.#cookies.make(way, hello)),
      way,
    );
  }

  #meet(way: DatagramWay, hello: Buffer): void {
    if (this.#met.has(way)) return;
    let fd: number;
    try {
      fd = connectWay(this.listener, way);
    } catch (error) {
      if (!(error instanceof TlspoolError) || shortages.has(error.code)) throw error;
      this.events.lost(error);
      return;
    }
    this.#met.add(way);
    this.events.connection(fd, hello);
  }
}

/** Bytes. What is larger is not answered: it would not get far undivided, and the pool is told of it. */
const largestHello = 8_192;
