import { setImmediate as turn } from 'node:timers/promises';
import type { Message } from '../../../src/core/protocol/message.ts';
import type { Answer, Requester } from '../../../src/core/session/requester.ts';

/** A program on its connection that holds a seat, as the pool sees it: what it was asked and told is kept. */
export class FakeProgram<Question extends Message> implements Requester {
  readonly peer = {
    ...{ pid: 1, uid: 0, gid: 0, groups: [], executable: undefined },
    ...{ unit: '', started: 0 },
  };
  readonly called: Question[] = [];
  readonly told: (Message | Error)[] = [];
  #answered: ((answer: Answer) => void) | undefined;

  respond(_requestId: number, ...messages: Message[]): void {
    this.told.push(...messages);
  }

  fail(_requestId: number, error: unknown): void {
    this.told.push(error as Error);
  }

  call(_requestId: number, messages: readonly Message[], answered: (answer: Answer) => void) {
    this.called.push(...(messages as Question[]));
    this.#answered = answered;
    return { cancel: () => undefined };
  }

  /** The answer to what it was asked last; resolves when the seat has done what comes of it. */
  async answer(message: Message): Promise<void> {
    this.#answered?.({ message, fds: [], truncated: false });
    for (let i = 0; i < 4; i += 1) await turn();
  }
}
