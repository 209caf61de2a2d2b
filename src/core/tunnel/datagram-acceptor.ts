import { bindBeside, closeFd, connectUdp, peekSender } from '../engine/sockets.ts';
import { TlspoolError } from '../errors.ts';
import { Acceptance } from './acceptance.ts';

/**
 * Makes connections of what programs send to a UDP socket (`bindUdp`): the socket to which the first datagram of somebody
 * came is connected to that one, with the datagram still in it, and a new one is bound for all the others.
 */
export class DatagramAcceptor extends Acceptance {
  protected override take(): void {
    const sender = peekSender(this.listener);
    if (sender === undefined) return;
    let next: number;
    try {
      next = bindBeside(this.listener);
    } catch (error) {
      if (!(error instanceof TlspoolError)) throw error;
      this.watch.breathe();
      return;
    }
    const fd = this.replaceBy(next);
    try {
      connectUdp(fd, sender.address, sender.port);
    } catch (error) {
      // A sender that cannot be answered (an address without a route) is nobody's connection.
      closeFd(fd);
      if (!(error instanceof TlspoolError)) throw error;
      return;
    }
    this.events.connection(fd);
  }
}
