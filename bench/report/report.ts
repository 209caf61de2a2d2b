import type { Comparison, Target } from '../targets/target.ts';
import type { Failure, Outcomes, Sample } from '../trial.ts';
import { bestPeer, goals, type Judgement, judge } from './goals.ts';
import { ratioOf, type Summary, summaryOf } from './statistics.ts';
import { type Table, tables } from './tables.ts';

export interface ReportInput extends Outcomes {
  readonly targets: readonly Target[];
  readonly rounds: number;
  /** When the run ended. */
  readonly date: Date;
  /** Of machine and software, a line each. */
  readonly machine: readonly string[];
  readonly software: readonly string[];
  /** What the reader must know to read the numbers right: Markdown, written by hand. */
  readonly remarks: string;
}

/** The target that ratios are of. */
const ours = 'tlspool';

/** The whole of results.md. */
export function report(input: ReportInput): string {
  return [
    '# Benchmark results',
    "Written by `npm run bench`; don't edit. What is measured, and how: `bench/README.md`.",
    list([
      ...input.machine,
      ...input.software,
      `${input.date.toISOString().slice(0, 10)}, ${input.rounds} interleaved ${input.rounds === 1 ? 'round' : 'rounds'}; cells are the median and, in brackets, the least and the most`,
    ]),
    '## Goals',
    'Ratios are taken within each round, to the peer with the best median.',
    goalTable(goals.map((goal) => judge(goal, input.samples, input.targets))),
    input.remarks.trim(),
    ...tables.flatMap((table) => measured(table, input)),
    ...(input.failures.length > 0
      ? ['## Trials that failed', list(failureLines(input.failures))]
      : []),
  ]
    .join('\n\n')
    .concat('\n');
}

function goalTable(judgements: readonly Judgement[]): string {
  return markdownTable(
    ['goal', 'measured', 'compared with', 'to reach', '', 'to aim for', ''],
    judgements.map(({ goal, measured, peer, reached, aimed }) => {
      const bound = goal.better === 'lower' ? '≤' : '≥';
      const digits = goal.unit === '×' ? 2 : goal.unit === '/s' ? 0 : 1;
      const said = (met: boolean) => (measured === undefined ? '–' : met ? 'yes' : '**no**');
      return [
        goal.title,
        measured === undefined ? 'not measured' : `${cell(measured, digits)} ${goal.unit}`,
        peer?.title ?? '',
        `${bound} ${goal.reach} ${goal.unit}`,
        said(reached),
        goal.aim === undefined ? '' : `${bound} ${goal.aim} ${goal.unit}`,
        goal.aim === undefined ? '' : said(aimed),
      ];
    }),
  );
}

/** A table with its heading; nothing if nothing in it was measured. */
function measured(table: Table, input: ReportInput): string[] {
  const { samples, targets } = input;
  const shown = table.columns.map(({ figure }) => figure);
  const rows = subjectsOf(
    samples.filter(({ measure, values }) =>
      shown.some((figure) => figure.measure === measure && figure.metric in values),
    ),
    targets,
  ).map(({ id, title }) => [
    title,
    ...table.columns.map(({ figure, digits }) => {
      const summary = summaryOf(samples, figure, id);
      return summary === undefined ? '–' : cell(summary, digits);
    }),
  ]);
  if (rows.length === 0) return [];
  const ratios = [
    ratioRow('best peer with defaults', 'defaults', table, input),
    ratioRow('best tuned peer', 'tuned', table, input),
  ].filter((row) => row.some((text, column) => column > 0 && text !== ''));
  return [
    `## ${table.title}`,
    table.better === undefined
      ? table.note
      : `${table.note} ${table.better === 'lower' ? 'Less' : 'More'} is better.`,
    markdownTable(['', ...table.columns.map(({ heading }) => heading)], [...rows, ...ratios]),
  ];
}

/** tlspool's figures as multiples of those of the best peer; each cell names it. */
function ratioRow(
  title: string,
  comparison: Comparison,
  { columns, better }: Table,
  { samples, targets }: ReportInput,
): string[] {
  const ratios = columns.map(({ figure }) => {
    const peer = better && bestPeer(samples, targets, figure, [comparison], better);
    const ratio = peer && ratioOf(samples, figure, ours, peer.id);
    return ratio === undefined ? '' : `**${cell(ratio, 2)}** ${peer?.id}`;
  });
  return [`tlspool ÷ ${title}`, ...ratios];
}

/** Those that were measured: targets in their own order, then whatever else there is. */
function subjectsOf(samples: readonly Sample[], targets: readonly Target[]) {
  const found = new Set(samples.map(({ subject }) => subject));
  const known = targets.filter(({ id }) => found.has(id)).map(({ id, title }) => ({ id, title }));
  const others = [...found].filter((id) => !targets.some((target) => target.id === id));
  return [...known, ...others.map((id) => ({ id, title: id }))];
}

function cell({ median, min, max, rounds }: Summary, digits: number): string {
  const text = median.toFixed(digits);
  return rounds === 1 ? text : `${text} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
}

function failureLines(failures: readonly Failure[]): string[] {
  return failures.map(
    ({ measure, subject, round, reason }) =>
      `${measure}, ${subject}, round ${round}: ${reason.split('\n').at(0) ?? ''}`,
  );
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n');
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
