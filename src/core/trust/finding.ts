import type { AlertName } from '../engine/types.ts';
import type { Truth } from './truth.ts';

/** What became of a predicate. */
export interface Finding {
  readonly value: Truth;
  /** What it looked at and what it saw there: one line, in an operator's words. */
  readonly looked: string;
  /** What the other side is told, if this is why it is refused. */
  readonly alert?: AlertName | undefined;
  /** What could be done so that it holds: a sentence, or a command. */
  readonly advice?: string | undefined;
  /** Until when it may be believed, in epoch seconds; undefined: it rests on nothing that expires. */
  readonly until?: number | undefined;
}

export function holds(looked: string, until?: number): Finding {
  return { value: 'true', looked, until };
}

export function fails(looked: string, alert?: AlertName, advice?: string): Finding {
  return { value: 'false', looked, alert, advice };
}

/** No data, no time, no answer. */
export function unknown(looked: string, advice?: string, alert?: AlertName): Finding {
  return { value: 'unknown', looked, alert, advice };
}
