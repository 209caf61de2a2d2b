import type { PeerCredentials } from '../engine/sockets.ts';
import type { Message } from '../protocol/message.ts';

/** The connection of a program, as what it asks for sees it. */
export interface Requester {
  /** Who connected, noted by the kernel. */
  readonly peer: PeerCredentials;
  /** The last word on a request; what stands in front of the final response comes first, in the same write. */
  respond(requestId: number, ...messages: Message[]): void;
  /** The last word on a request that failed. */
  fail(requestId: number, error: unknown): void;
  /**
   * Asks the program something that belongs to its request. `answered` is called once, unless the callback is
   * cancelled or the connection goes, later than this returns.
   */
  call(
    requestId: number,
    messages: readonly Message[],
    answered: (answer: Answer) => void,
  ): Callback;
}

/** What a program answered, whatever it is. */
export interface Answer {
  /** undefined: it could not be read. */
  readonly message: Message | undefined;
  /** The callee's to close. */
  readonly fds: readonly number[];
  readonly truncated: boolean;
}

/** A question that waits for its answer. */
export interface Callback {
  /** A late answer is dropped. */
  cancel(): void;
}
