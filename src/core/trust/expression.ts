import { UsageError } from '../errors.ts';
import { printable } from '../identity/domain-name.ts';

/** Every predicate there is; what each asks is in predicates/. */
export const PREDICATES = 'IiUFfTtDdRrOoPpGgEeLlSsCcQqAa';

/** A letter of PREDICATES. */
export type Letter = string;

/** A validation expression as a tree. */
export type Term =
  | { readonly is: 'constant'; readonly value: boolean }
  | { readonly is: 'predicate'; readonly letter: Letter }
  | { readonly is: 'not'; readonly of: Term }
  | { readonly is: 'and' | 'or'; readonly left: Term; readonly right: Term }
  | {
      readonly is: 'choose';
      readonly condition: Term;
      readonly whenTrue: Term;
      readonly whenFalse: Term;
    };

/** What a remote must meet: postfix, a letter a predicate, such as `TI&r&`. */
export interface Expression {
  /** As it is written. */
  readonly text: string;
  readonly term: Term;
}

/** Letters; more than that is no policy that a person can follow. */
const LONGEST = 256;

/** Where neither a local identity nor the policy says anything: a chain to an anchor, the right name, not revoked. */
export const DEFAULT_EXPRESSION: Expression = parseExpression('TI&r&');

/** @throws UsageError with the position (from 1) of what is wrong */
export function parseExpression(text: string): Expression {
  if (text.length > LONGEST) {
    throw new UsageError(`an expression has at most ${LONGEST} letters, this one ${text.length}`);
  }
  const stack: Placed[] = [];
  for (const [index, letter] of [...text].entries()) step(stack, letter, index + 1, text);
  const [only, second] = stack;
  if (only === undefined) throw bad('is empty: `1` accepts everybody', text);
  if (second !== undefined) {
    throw bad(`leaves ${stack.length} values instead of one; the second begins`, text, second.from);
  }
  return { text, term: only.term };
}

/** All of them must be met. */
export function conjunction(expressions: readonly Expression[]): Expression {
  const [first, ...others] = expressions;
  if (first === undefined) return { text: '1', term: { is: 'constant', value: true } };
  return others.reduce(
    (left, right) => ({
      text: `${left.text}${right.text}&`,
      term: { is: 'and', left: left.term, right: right.term },
    }),
    first,
  );
}

/** The predicates that an expression asks about, each once, in the order of writing. */
export function lettersOf(term: Term): readonly Letter[] {
  const letters = new Set<Letter>();
  collect(term, letters);
  return [...letters];
}

/** A value on the stack, and where its text begins. */
interface Placed {
  readonly term: Term;
  readonly from: number;
}

function step(stack: Placed[], letter: string, position: number, text: string): void {
  const take = (count: number): Placed[] => {
    if (stack.length >= count) return stack.splice(stack.length - count);
    const has = `${stack.length} ${stack.length === 1 ? 'stands' : 'stand'} before it`;
    throw bad(`has a \`${letter}\` that needs ${count} values, and ${has},`, text, position);
  };
  if (letter === '0' || letter === '1') {
    stack.push({ term: { is: 'constant', value: letter === '1' }, from: position });
  } else if (letter === '~') {
    const [value] = take(1) as [Placed];
    stack.push({ term: { is: 'not', of: value.term }, from: value.from });
  } else if (letter === '&' || letter === '|') {
    const [left, right] = take(2) as [Placed, Placed];
    const is = letter === '&' ? 'and' : 'or';
    stack.push({ term: { is, left: left.term, right: right.term }, from: left.from });
  } else if (letter === '?') {
    const [whenFalse, whenTrue, condition] = take(3) as [Placed, Placed, Placed];
    const term = {
      is: 'choose',
      condition: condition.term,
      whenTrue: whenTrue.term,
      whenFalse: whenFalse.term,
    } as const;
    stack.push({ term, from: whenFalse.from });
  } else if (PREDICATES.includes(letter)) {
    stack.push({ term: { is: 'predicate', letter }, from: position });
  } else {
    throw bad(
      `has a \`${printable(letter)}\`, which is no predicate and no operator,`,
      text,
      position,
    );
  }
}

function bad(fault: string, text: string, position?: number): UsageError {
  const where = position === undefined ? '' : ` at position ${position}`;
  return new UsageError(
    `the validation expression \`${printable(text)}\` ${fault}${where}`,
    'Predicates come first, operators after them, as in `TI&r&`; tlspool(7) has them all.',
  );
}

function collect(term: Term, letters: Set<Letter>): void {
  switch (term.is) {
    case 'constant':
      return;
    case 'predicate':
      letters.add(term.letter);
      return;
    case 'not':
      collect(term.of, letters);
      return;
    case 'choose':
      // In the order of writing.
      collect(term.whenFalse, letters);
      collect(term.whenTrue, letters);
      collect(term.condition, letters);
      return;
    default:
      collect(term.left, letters);
      collect(term.right, letters);
  }
}
