import type { Letter, Term } from './expression.ts';
import { and, choose, not, or, type Truth, truth } from './truth.ts';

/** What becomes of predicates: known at once, or found out. */
export interface Predicates {
  /**
   * The value of a predicate. A promise is waited for together with others; it should give up when the signal says that
   * nobody needs it any more. Asked for at most once.
   */
  value(letter: Letter, signal: AbortSignal): Truth | Promise<Truth>;
  /** Whether `value` returns no promise: such predicates are asked first, as they may make others needless. */
  isQuick(letter: Letter): boolean;
}

/**
 * The outcome of an expression. Only what can change the outcome is asked: quick predicates one after the other, then
 * all slow ones at once; they are cancelled as soon as the outcome is fixed.
 * @throws what a predicate throws, or the signal's reason
 */
export async function evaluate(
  term: Term,
  predicates: Predicates,
  signal: AbortSignal = neverAborted,
): Promise<Truth> {
  const known = new Map<Letter, Truth>();
  const running = new Map<Letter, Promise<void>>();
  const enough = new AbortController();
  const both = AbortSignal.any([signal, enough.signal]);
  try {
    for (;;) {
      signal.throwIfAborted();
      const outcome = only(possible(term, known));
      if (outcome !== undefined) return outcome;
      const open = [...new Set(relevant(term, known))].filter((letter) => !running.has(letter));
      const quick = open.find((letter) => predicates.isQuick(letter));
      for (const letter of quick === undefined ? open : [quick]) {
        const value = predicates.value(letter, both);
        if (typeof value === 'string') known.set(letter, value);
        else
          running.set(
            letter,
            value.then((found) => void known.set(letter, found)),
          );
      }
      if (quick === undefined) await next(running, known);
    }
  } finally {
    enough.abort();
    // Nobody waits for the others any more, whatever becomes of them.
    for (const run of running.values()) run.catch(() => {});
  }
}

const neverAborted = new AbortController().signal;

/** Until one more of them is known. */
async function next(
  running: ReadonlyMap<Letter, Promise<void>>,
  known: ReadonlyMap<Letter, Truth>,
): Promise<void> {
  const waiting = [...running].filter(([letter]) => !known.has(letter));
  // What was asked at once without a promise is known already.
  if (waiting.length > 0) await Promise.race(waiting.map(([, run]) => run));
}

/** The values that a term may still get. */
type Possible = ReadonlySet<Truth>;

const anything: Possible = new Set<Truth>(['true', 'false', 'unknown']);

function only(values: Possible): Truth | undefined {
  const [first, second] = values;
  return second === undefined ? first : undefined;
}

function possible(term: Term, known: ReadonlyMap<Letter, Truth>): Possible {
  switch (term.is) {
    case 'constant':
      return new Set([truth(term.value)]);
    case 'predicate': {
      const value = known.get(term.letter);
      return value === undefined ? anything : new Set([value]);
    }
    case 'not':
      return new Set([...possible(term.of, known)].map(not));
    case 'choose':
      return combine(possible(term.condition, known), (condition) =>
        combine(possible(term.whenTrue, known), (then) =>
          combine(possible(term.whenFalse, known), (otherwise) => [
            choose(condition, then, otherwise),
          ]),
        ),
      );
    default: {
      const join = term.is === 'and' ? and : or;
      return combine(possible(term.left, known), (left) =>
        combine(possible(term.right, known), (right) => [join(left, right)]),
      );
    }
  }
}

function combine(values: Possible, next_: (value: Truth) => Iterable<Truth>): Possible {
  return new Set([...values].flatMap((value) => [...next_(value)]));
}

/** The predicates that are not known and may change what comes out. */
function relevant(term: Term, known: ReadonlyMap<Letter, Truth>): Letter[] {
  if (only(possible(term, known)) !== undefined) return [];
  switch (term.is) {
    case 'constant':
      return [];
    case 'predicate':
      return [term.letter];
    case 'not':
      return relevant(term.of, known);
    case 'choose': {
      const condition = only(possible(term.condition, known));
      if (condition === 'true') return relevant(term.whenTrue, known);
      if (condition === 'false') return relevant(term.whenFalse, known);
      return [term.condition, term.whenTrue, term.whenFalse].flatMap((part) =>
        relevant(part, known),
      );
    }
    default:
      return [term.left, term.right].flatMap((part) => relevant(part, known));
  }
}
