import type { SocketQuestion } from '../supervisor/traps.ts';
import { type AskTerms, askFor } from './ask.ts';
import { type Attempt, abandoned } from './attempt.ts';
import type { Attempts } from './attempts.ts';
import type { Departures } from './departures.ts';
import type { FirstWords } from './first-word.ts';
import type { Goal } from './goal.ts';

export interface ThreadCarrierOptions extends AskTerms {
  readonly departures: Departures;
  readonly attempts: Attempts;
  readonly words: FirstWords;
}

/** Leaves the program's connections to a thread, from the server's answer to the pool. */
export class ThreadCarrier {
  readonly #options: ThreadCarrierOptions;

  constructor(options: ThreadCarrierOptions) {
    this.#options = options;
  }

  /** False if it takes nothing now, or does not do what is to be done before TLS. */
  carry(question: SocketQuestion, attempt: Attempt, goal: Goal): boolean {
    const { departures, attempts, words } = this.#options;
    if (goal.treatment.kind !== 'tls') return false;
    const patience = words.patienceWith(goal);
    const started = Date.now();
    const succeed = () => {
      attempt.succeed();
      attempts.remove(attempt);
    };
    return departures.begin({
      question,
      attempt,
      ask: askFor(goal, this.#options),
      patience,
      events: {
        done: (spoke) => {
          succeed();
          if (patience > 0 && !spoke) words.missed(goal);
        },
        failed: (error, completed) =>
          attempts.fail(attempt, goal, { error, completed, progress: 'asked', started }),
        givenUp: (progress) =>
          attempts.fail(attempt, goal, { error: abandoned(), completed: false, progress, started }),
        // No call waits any more, and no signal is to be looked for.
        closed: succeed,
      },
    });
  }
}
