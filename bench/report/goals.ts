import { authorisationSubjects } from '../measures/authorisation.ts';
import type { Comparison, Target } from '../targets/target.ts';
import type { Sample } from '../trial.ts';
import { type Better, best, type Figure, ratioOf, type Summary, summaryOf } from './statistics.ts';

/** What tlspool is to reach, and what it aims for. */
export interface Goal {
  readonly title: string;
  readonly figure: Figure;
  readonly subject: string;
  /** Compared with the best peer that stands for one of these; undefined: the figure itself counts. */
  readonly against?: readonly Comparison[];
  readonly unit: string;
  readonly better: Better;
  readonly reach: number;
  readonly aim?: number;
}

export interface Judgement {
  readonly goal: Goal;
  /** What was measured; undefined: not in this run. */
  readonly measured: Summary | undefined;
  /** The peer it was compared with. */
  readonly peer: Target | undefined;
  readonly reached: boolean;
  readonly aimed: boolean;
}

const bulkMeasures = [
  ['up-1', 'bulk up, 1 connection'],
  ['down-1', 'bulk down, 1 connection'],
  ['up-16', 'bulk up, 16 connections'],
  ['down-16', 'bulk down, 16 connections'],
] as const;

export const goals: readonly Goal[] = [
  ...bulkMeasures.flatMap(([measure, title]): Goal[] => [
    {
      title: `CPU, ${title}, to the best peer with defaults`,
      figure: { measure, metric: 'cpuSecondsPerGiB' },
      subject: 'tlspool',
      against: ['defaults'],
      unit: '×',
      better: 'lower',
      reach: 0.75,
      aim: 0.65,
    },
    {
      title: `CPU, ${title}, to the best tuned peer`,
      figure: { measure, metric: 'cpuSecondsPerGiB' },
      subject: 'tlspool',
      against: ['tuned'],
      unit: '×',
      better: 'lower',
      reach: 1.0,
      aim: 0.85,
    },
  ]),
  ...(
    [
      ['handshakes-p256', 'P-256 handshake'],
      ['resumed', 'resumed handshake'],
    ] as const
  ).map(
    ([measure, title]): Goal => ({
      title: `CPU, ${title}, to the best peer`,
      figure: { measure, metric: 'cpuMilliseconds' },
      subject: 'tlspool',
      against: ['defaults', 'tuned'],
      unit: '×',
      better: 'lower',
      reach: 1.25,
      aim: 1.0,
    }),
  ),
  ...(['idle-1000', 'idle-9000'] as const).flatMap((measure): Goal[] => {
    const connections = Number(measure.slice('idle-'.length)).toLocaleString('en');
    const figure = { measure, metric: 'kibibytesPerConnection' };
    return [
      {
        title: `memory per idle connection, ${connections} of them`,
        figure,
        subject: 'tlspool',
        unit: 'KiB',
        better: 'lower',
        reach: 20,
        aim: 12,
      },
    ];
  }),
  {
    title: 'handshakes with 20 ms a signature',
    figure: { measure: 'slow-token', metric: 'perSecond' },
    subject: 'tlspool-slow',
    unit: '/s',
    better: 'higher',
    reach: 500,
  },
  {
    title: 'event-loop delay p99 meanwhile',
    figure: { measure: 'slow-token', metric: 'eventLoopP99' },
    subject: 'tlspool-slow',
    unit: 'ms',
    better: 'lower',
    reach: 10,
  },
  {
    title: 'choosing one of 50,000 identities, to one of 50',
    figure: { measure: 'choosing', metric: 'ratio' },
    subject: 'identities',
    unit: '×',
    better: 'lower',
    reach: 2,
  },
  ...(
    [
      ['accepting', 60],
      ['connecting', 150],
    ] as const
  ).map(
    ([subject, reach]): Goal => ({
      title: `wrap, ${subject}: CPU over the program's own`,
      figure: { measure: 'wrap', metric: 'overheadMicroseconds' },
      subject,
      unit: 'µs',
      better: 'lower',
      reach,
    }),
  ),
  ...(['--version', '--help', 'status'] as const).map(
    (subject): Goal => ({
      title: `tlspool ${subject}`,
      figure: { measure: 'start-up', metric: 'milliseconds' },
      subject,
      unit: 'ms',
      better: 'lower',
      reach: 100,
    }),
  ),
  ...authorisationSubjects.flatMap((subject): Goal[] => [
    {
      title: `authorisation, ${subject}`,
      figure: { measure: 'authorisation', metric: 'perSecond' },
      subject,
      unit: '/s',
      better: 'higher',
      reach: 100_000,
    },
    {
      title: `authorisation p99, ${subject}`,
      figure: { measure: 'authorisation', metric: 'p99Microseconds' },
      subject,
      unit: 'µs',
      better: 'lower',
      reach: 50,
    },
  ]),
];

export function judge(
  goal: Goal,
  samples: readonly Sample[],
  targets: readonly Target[],
): Judgement {
  const { figure, subject, against, better } = goal;
  if (against === undefined) return verdict(goal, summaryOf(samples, figure, subject), undefined);
  const peer = bestPeer(samples, targets, figure, against, better);
  const ratio = peer && ratioOf(samples, figure, subject, peer.id);
  return verdict(goal, ratio, peer);
}

/** The best among the peers that stand for one of these. */
export function bestPeer(
  samples: readonly Sample[],
  targets: readonly Target[],
  figure: Figure,
  against: readonly Comparison[],
  better: Better,
): Target | undefined {
  const peers = targets.filter(({ standsFor }) => standsFor.some((each) => against.includes(each)));
  const ids = peers.map(({ id }) => id);
  const found = best(samples, figure, ids, better);
  return peers.find(({ id }) => id === found);
}

function verdict(goal: Goal, measured: Summary | undefined, peer: Target | undefined): Judgement {
  const meets = (bound: number | undefined): boolean =>
    measured !== undefined &&
    bound !== undefined &&
    (goal.better === 'lower' ? measured.median <= bound : measured.median >= bound);
  return { goal, measured, peer, reached: meets(goal.reach), aimed: meets(goal.aim) };
}
