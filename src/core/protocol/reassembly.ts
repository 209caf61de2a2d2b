import { MESSAGE_LENGTH } from './fields.ts';

/** What came along with the bytes of one message. */
export interface Attachments {
  /** Owned by whoever takes them. */
  readonly fds: readonly number[];
  /** Descriptors were sent but could not be received: our limit of open files was reached. */
  readonly truncated: boolean;
}

const nothing: Attachments = { fds: [], truncated: false };

/**
 * Puts messages together from a stream that splits and merges them.
 *
 * Read into `frame` from `filled` on and never further: Linux delivers a descriptor with any byte of the read in which
 * it arrives, and ends that read behind the message it was sent with. A read within one message thus brings
 * descriptors of that message only.
 */
export class Reassembly {
  /** The message; complete when `add` says so, and overwritten by the next one. */
  readonly frame = Buffer.alloc(MESSAGE_LENGTH);
  #filled = 0;
  #attachments = nothing;

  /** How much of the frame is there. */
  get filled(): number {
    return this.#filled;
  }

  /** Notes what was read; true if the message is complete now. */
  add(bytes: number, fds: readonly number[], truncated: boolean): boolean {
    this.#filled += bytes;
    if (fds.length > 0 || truncated) {
      this.#attachments = {
        fds: [...this.#attachments.fds, ...fds],
        truncated: this.#attachments.truncated || truncated,
      };
    }
    return this.#filled === MESSAGE_LENGTH;
  }

  /** Starts the next message; the caller now owns the descriptors of the last one, complete or not. */
  take(): Attachments {
    const taken = this.#attachments;
    this.#filled = 0;
    this.#attachments = nothing;
    return taken;
  }
}
