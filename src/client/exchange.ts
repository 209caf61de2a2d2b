import type { Message } from '../core/protocol/message.ts';

/** What happens between a request and its final response, on this side. */
export interface Exchange {
  /** The pool asks something; it waits for an answer with this id. */
  callback(callbackId: number, message: Message): void;
  /** Details of the session, ahead of what comes next. */
  details(list: Buffer): void;
  /** The last word. */
  final(message: Message): void;
  /** There will be no last word: the connection is gone. */
  lost(error: Error): void;
}
