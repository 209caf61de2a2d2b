import type { Sample } from '../trial.ts';

/** What is said of one metric over all rounds. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: number;
}

/** Undefined if there is nothing to sum up. */
export function summarize(values: readonly number[]): Summary | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const min = sorted.at(0);
  const max = sorted.at(-1);
  if (min === undefined || max === undefined) return undefined;
  const middle = sorted.slice((sorted.length - 1) >> 1, (sorted.length >> 1) + 1);
  const median = middle.reduce((sum, value) => sum + value, 0) / middle.length;
  return { median, min, max, rounds: sorted.length };
}

/** One number of a trial: which measure, and which of its metrics. */
export interface Figure {
  readonly measure: string;
  readonly metric: string;
}

export function summaryOf(
  samples: readonly Sample[],
  figure: Figure,
  subject: string,
): Summary | undefined {
  return summarize([...byRound(samples, figure, subject).values()]);
}

/**
 * How many times as much `subject` has as `other`: the ratio within each round that has both, summed up, as
 * a round's two runs met the same weather.
 */
export function ratioOf(
  samples: readonly Sample[],
  figure: Figure,
  subject: string,
  other: string,
): Summary | undefined {
  const others = byRound(samples, figure, other);
  return summarize(
    [...byRound(samples, figure, subject)].flatMap(([round, value]) => {
      const base = others.get(round);
      return base === undefined || base === 0 ? [] : [value / base];
    }),
  );
}

export type Better = 'lower' | 'higher';

/** The subject with the best median; undefined if none has one. */
export function best(
  samples: readonly Sample[],
  figure: Figure,
  subjects: readonly string[],
  better: Better,
): string | undefined {
  const sign = better === 'lower' ? 1 : -1;
  return subjects
    .flatMap((subject) => {
      const summary = summaryOf(samples, figure, subject);
      return summary === undefined ? [] : [{ subject, median: summary.median }];
    })
    .sort((a, b) => sign * (a.median - b.median))
    .at(0)?.subject;
}

/** The figure of one subject, by round. */
function byRound(samples: readonly Sample[], figure: Figure, subject: string): Map<number, number> {
  return new Map(
    samples
      .filter((sample) => sample.measure === figure.measure && sample.subject === subject)
      .flatMap(({ round, values }) => {
        const value = values[figure.metric];
        return value === undefined ? [] : [[round, value] as const];
      }),
  );
}
