/** Waiting in tests: for something that is named, and never for ever. */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

/** ms; generous, as machines may be slow: whoever waits this long waits in vain. */
export const patience = 60_000;

/** What the promise gives; fails, saying what did not come, when it takes too long. */
export function within<T>(what: string, promise: Promise<T>, limit = patience): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`${what}: not within ${limit / 1000} s`));
    const timer = setTimeout(late, limit);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Resolves once the condition holds; fails, saying which one, when that takes too long. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limit = patience,
): Promise<void> {
  for (const deadline = Date.now() + limit; !(await condition()); await pause(5)) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${limit / 1000} s`);
  }
}

/** `once` of node:events, with an end. */
export function event(
  emitter: NodeJS.EventEmitter,
  name: string,
  limit = patience,
): Promise<unknown[]> {
  return within(`the event “${name}”`, once(emitter, name), limit);
}

/**
 * Where the subject itself gives up after a time, and something has to come about before: tries with ever more time,
 * until that was enough for it.
 * @param attempt gets the time, ms; undefined: it was too short on this machine
 * @param shortest ms
 */
export async function withTimeEnough<T>(
  what: string,
  attempt: (time: number) => Promise<T | undefined>,
  shortest: number,
): Promise<T> {
  for (let time = shortest; time < patience; time *= 4) {
    const outcome = await attempt(time);
    if (outcome !== undefined) return outcome;
  }
  throw new Error(`${what}: it came too late each time`);
}
