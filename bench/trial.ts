/** Numbers that one trial gave, by metric; units are the metric's (report/tables.ts). */
export type Values = Readonly<Record<string, number>>;

/** One measure of one subject; run once a round. */
export interface Trial {
  readonly measure: string;
  /** A target's id, or what else is measured. */
  readonly subject: string;
  /** In how many rounds at most; for what takes long and differs little. All unless told. */
  readonly rounds?: number;
  run(): Promise<Values>;
}

export interface Sample {
  readonly measure: string;
  readonly subject: string;
  /** From 1. */
  readonly round: number;
  readonly values: Values;
}

/** A trial that gave no numbers, and why. */
export interface Failure {
  readonly measure: string;
  readonly subject: string;
  readonly round: number;
  readonly reason: string;
}

export interface Outcomes {
  readonly samples: readonly Sample[];
  readonly failures: readonly Failure[];
}

export type Progress = (step: {
  round: number;
  done: number;
  total: number;
  trial: Trial;
  outcome: Values | Error;
}) => void;

/**
 * Runs every trial `rounds` times, interleaved: all subjects of a measure one after the other, then the
 * next measure, then the next round, where another subject comes first. So whatever the machine is up to
 * meanwhile meets all subjects alike.
 */
export async function runRounds(
  trials: readonly Trial[],
  rounds: number,
  signal: AbortSignal,
  progress: Progress,
): Promise<Outcomes> {
  const samples: Sample[] = [];
  const failures: Failure[] = [];
  const isDue = (trial: Trial, round: number) => round <= (trial.rounds ?? rounds);
  const total = trials.reduce((sum, trial) => sum + Math.min(rounds, trial.rounds ?? rounds), 0);
  let done = 0;
  for (let round = 1; round <= rounds; round++) {
    for (const trial of rotated(trials, round - 1)) {
      if (!isDue(trial, round)) continue;
      signal.throwIfAborted();
      const { measure, subject } = trial;
      const outcome = await attempt(trial);
      signal.throwIfAborted();
      if (outcome instanceof Error)
        failures.push({ measure, subject, round, reason: outcome.message });
      else samples.push({ measure, subject, round, values: outcome });
      progress({ round, done: ++done, total, trial, outcome });
    }
  }
  return { samples, failures };
}

async function attempt(trial: Trial): Promise<Values | Error> {
  try {
    return await trial.run();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Keeps the order of measures; within each, the first `by` subjects go to the end. */
function rotated(trials: readonly Trial[], by: number): Trial[] {
  const measures = Map.groupBy(trials, (trial) => trial.measure);
  return [...measures.values()].flatMap((subjects) => {
    const first = by % subjects.length;
    return [...subjects.slice(first), ...subjects.slice(0, first)];
  });
}
