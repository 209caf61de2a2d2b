/** ms; timers that are set for longer end at once. */
export const LONGEST_TIMER = 2 ** 31 - 1;
