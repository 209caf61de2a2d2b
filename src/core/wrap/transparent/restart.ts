/** When a program that ended is started again. */
export type RestartPolicy = 'no' | 'on-failure' | 'always';

export const restartPolicies = ['no', 'on-failure', 'always'] as const satisfies RestartPolicy[];

/** ms */
const shortestPause = 1_000;
const longestPause = 60_000;
/** ms that a program has to run for its next end to count as its first. */
const longEnough = 60_000;

/** Says how long to wait before a program is started again: longer each time that it ends soon. */
export class Restarts {
  readonly #policy: RestartPolicy;
  #pause = shortestPause;

  constructor(policy: RestartPolicy) {
    this.#policy = policy;
  }

  /**
   * @param ran ms from the start of the program to its end
   * @returns ms; undefined: it is not started again
   */
  after(exitCode: number, ran: number): number | undefined {
    if (this.#policy === 'no' || (this.#policy === 'on-failure' && exitCode === 0))
      return undefined;
    if (ran >= longEnough) this.#pause = shortestPause;
    const pause = this.#pause;
    this.#pause = Math.min(pause * 2, longestPause);
    return pause;
  }
}
