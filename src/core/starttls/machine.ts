import type { Dialog, DialogIdentities, Introduction, Talk } from './dialog.ts';
import { Party } from './party.ts';
import type { ConnectionEnds } from './proxy-protocol.ts';
import type { Side, Step } from './step.ts';

/** What a dialog wants now. */
export type Wish =
  | Step
  /** It is over, and this is what is left to do. */
  | { readonly wait: 'leave' | 'through' };

/** What is known before a dialog begins. */
export interface MachineFacts {
  readonly identities: DialogIdentities;
  readonly ends: ConnectionEnds;
  readonly introduction: Introduction | undefined;
}

/**
 * Runs a dialog on bytes and events, without knowing where they come from: tell it what happens, do what it wishes, and
 * send what it has to say before doing so.
 */
export class Machine {
  readonly #talk: Talk & {
    clear: boolean;
    readonly data: { address: string; port: number };
  };
  readonly #parties: Readonly<Record<Side, Party>> = {
    peer: new Party('peer'),
    program: new Party('program'),
  };
  readonly #dialog: Dialog;
  #wish: Wish;

  /** @throws whatever the dialog throws, as do all methods: it has ended then, but may have left something to say */
  constructor(dialog: (talk: Talk) => Dialog, facts: MachineFacts) {
    const { identities, ends, introduction } = facts;
    this.#talk = {
      ...this.#parties,
      identities: { ...identities },
      ends,
      introduction,
      data: { address: '', port: 0 },
      clear: false,
    };
    this.#dialog = dialog(this.#talk);
    this.#wish = { wait: 'bytes', sides: [] };
  }

  /** Who is who, to be set when TLS has told. */
  get identities(): DialogIdentities {
    return this.#talk.identities;
  }

  /** The answer to a wish for a data connection, to be set. */
  get data(): { address: string; port: number } {
    return this.#talk.data;
  }

  /** The answer to whether the peer may go on in the clear, to be set. */
  set clear(may: boolean) {
    this.#talk.clear = may;
  }

  /** Who is connected with whom, as far as is known. */
  get ends(): ConnectionEnds {
    return this.#talk.ends;
  }

  get wish(): Wish {
    return this.#wish;
  }

  /** To be called once, first of all. */
  begin(): void {
    this.#go();
  }

  /**
   * Bytes that a side has sent. Returns how many of them the dialog takes; those behind are not its own and stay where
   * they are. They are to be given again, with more behind them, if it is to hear more of that side.
   */
  hear(side: Side, bytes: Buffer): number {
    const party = this.#parties[side];
    // What is heard is kept beyond this call, but the buffer is the caller's.
    party.hear(Buffer.from(bytes));
    try {
      this.#go();
    } catch (error) {
      party.takeUnread();
      throw error;
    }
    const wish = this.#wish;
    const wantsMore = wish.wait === 'bytes' && wish.sides.includes(side) && !wish.look;
    return bytes.length - (wantsMore ? 0 : party.giveBack(bytes.length));
  }

  /** A side says no more. */
  ended(side: Side): void {
    this.#parties[side].end();
    this.#go();
  }

  /** What it waited for is there: the program, TLS, or what is inside of it. */
  done(): void {
    this.#go();
  }

  /** What is to be sent to a side, once. */
  toldTo(side: Side): Buffer | undefined {
    return this.#parties[side].takeTold();
  }

  /** Whether a side is to hear, once, that nothing more is sent to it. */
  finishedTo(side: Side): boolean {
    return this.#parties[side].takeFinish();
  }

  /** What was taken from a side that goes to the other one as it is. */
  unreadOf(side: Side): Buffer {
    return this.#parties[side].takeUnread();
  }

  #go(): void {
    const step = this.#dialog.next();
    this.#wish = step.done ? { wait: step.value } : step.value;
  }
}
