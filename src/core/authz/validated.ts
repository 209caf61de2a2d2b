import { printable } from '../identity/domain-name.ts';
import { PREDICATES } from '../trust/expression.ts';
import { RuleError } from './rule-error.ts';

/** Words for the predicates of validation expressions that rules ask for most. */
const words: ReadonlyMap<string, string> = new Map([
  ['chain', 'T'],
  ['dane', 'D'],
  ['pin', 'P'],
  ['directory', 'G'],
  ['crl', 'R'],
  ['ocsp', 'O'],
  ['post-quantum', 'Q'],
]);

/** `dane`, or predicate letters of which all must have held: `TR`. @throws RuleError */
export function parseValidated(text: string): string {
  const letters = words.get(text.toLowerCase()) ?? text;
  const known = [...letters].every((letter) => PREDICATES.includes(letter));
  if (known && letters !== '') return [...new Set(letters)].sort().join('');
  throw new RuleError(
    `“${printable(text)}” is no way to validate`,
    `One of ${[...words.keys()].join(', ')}, or letters of a validation expression such as TR.`,
  );
}
