import { type DnsMessage, parseDnsMessage } from './dns-message.ts';

/** Who asked whom: one socket of a resolver and the server that it talks to. */
export type Conversation = string;

/**
 * Questions that wait for their answer. An answer counts only when it repeats a question that was seen to go out on
 * the same conversation, under the same number (RFC 5452 section 3): a packet that somebody made up teaches nothing
 * unless the program's own resolver would take it too.
 */
export class Exchanges {
  readonly #open = new Map<string, DnsMessage>();
  readonly #limit: number;

  /** @param limit questions open at once; those that wait longest go first */
  constructor(limit = 4096) {
    this.#limit = limit;
  }

  asked(conversation: Conversation, datagram: Uint8Array): void {
    const message = parseDnsMessage(datagram);
    if (message === undefined || message.response) return;
    this.#open.set(keyOf(conversation, message), message);
    const oldest = this.#open.keys().next();
    if (this.#open.size > this.#limit && !oldest.done) this.#open.delete(oldest.value);
  }

  /** The answer, if it is one to an open question; it may come again, as some servers are asked twice. */
  answered(conversation: Conversation, datagram: Uint8Array): DnsMessage | undefined {
    const message = parseDnsMessage(datagram);
    if (message === undefined || !message.response || message.code !== 0) return undefined;
    return this.#open.delete(keyOf(conversation, message)) ? message : undefined;
  }
}

function keyOf(conversation: Conversation, { id, question }: DnsMessage): string {
  return `${conversation} ${id} ${question.type} ${question.name}`;
}
