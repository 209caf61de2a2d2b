import { setImmediate as turn } from 'node:timers/promises';
import type { Message } from '../core/protocol/message.ts';
import type { PoolConnection } from './pool-connection.ts';

/** A seat of the pool (PINENTRY, LIDENTRY), while it is ours. */
export interface Seat {
  /**
   * Resolves when the offer was withdrawn; rejects with what the pool refuses, or with what `ask` threw. Nobody is being
   * asked any more by then.
   */
  readonly ended: Promise<void>;
}

export interface SeatHolding {
  /** The request that takes the seat. */
  readonly offer: Message;
  /**
   * Answers a question; undefined: it needs no answer. Its signal ends when nobody waits for one any more. What it
   * throws withdraws the offer.
   */
  ask(question: Message, signal: AbortSignal): Promise<Message | undefined>;
  /** What an answer holds that nobody is to find in memory. */
  wipe?(answer: Message): void;
  /** Withdraws the offer. */
  readonly signal: AbortSignal;
}

/** Takes a seat, and closes the connection when it is over. @throws what the pool refuses it for */
export async function holdSeat(pool: PoolConnection, holding: SeatHolding): Promise<Seat> {
  const { signal } = holding;
  const over = new AbortController();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  let asking = Promise.resolve();
  const offer = pool.offer(holding.offer, (question, answer) => {
    if (over.signal.aborted) return;
    asking = holding.ask(question, over.signal).then(
      (message) => {
        if (message === undefined) return;
        if (!over.signal.aborted) answer(message);
        holding.wipe?.(message);
      },
      (error: unknown) => {
        failed.reject(error);
        offer.withdraw();
      },
    );
  });
  const giveBack = () => {
    over.abort();
    offer.withdraw();
  };
  signal.addEventListener('abort', giveBack, { once: true });
  if (signal.aborted) giveBack();
  const ended = Promise.race([offer.ended, failed.promise]).finally(async () => {
    signal.removeEventListener('abort', giveBack);
    // Whoever is being asked is left alone, and the terminal as it was.
    over.abort();
    await asking.catch(() => undefined);
    pool.close();
  });
  ended.catch(() => undefined);
  // The pool serves a connection's requests in order: once this is answered, the offer was taken or refused.
  await pool.ping().catch(() => undefined);
  await Promise.race([ended, turn()]);
  return { ended };
}
