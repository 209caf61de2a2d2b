/**
 * Measures tlspool against stunnel, hitch, haproxy and nginx, interleaved, and writes bench/results.md.
 * `npm run bench` installs what this needs, builds tlspool, and runs it.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { describeLoad, describeMachine } from './machine.ts';
import { authorisation } from './measures/authorisation.ts';
import { bulk } from './measures/bulk.ts';
import { choosing } from './measures/choosing.ts';
import { handshakes } from './measures/handshakes.ts';
import { idleMemory } from './measures/idle-memory.ts';
import { latency } from './measures/latency.ts';
import { slowToken } from './measures/slow-token.ts';
import { startUp } from './measures/start-up.ts';
import { wrap } from './measures/wrap.ts';
import { killAll, sharePriority, stopAll } from './processes.ts';
import { report } from './report/report.ts';
import { prepareRig, type Rig } from './rig.ts';
import { haproxy, haproxyTuned } from './targets/haproxy.ts';
import { hitch } from './targets/hitch.ts';
import { nginx, nginxTuned } from './targets/nginx.ts';
import { stunnel } from './targets/stunnel.ts';
import { stunnelSlow, stunnelToken } from './targets/stunnel-token.ts';
import type { Target } from './targets/target.ts';
import { tlspool, tlspoolSlow } from './targets/tlspool.ts';
import { type Outcomes, type Progress, runRounds, type Trial } from './trial.ts';

const usage = `Usage: npm run bench -- [options]

  --rounds N      how often everything is measured (6)
  --only TEXT     only trials whose "measure/target" contains TEXT, e.g. up-1/ or /nginx; repeatable
  --quick         short runs, to try the benchmark itself: the numbers mean little
  --list          print the trials and end
  --again         measure nothing: write the results of the last run once more, with the remarks as they are now
  --help          this text

A complete run of at least six rounds writes bench/results.md, any other bench/.work/results.md.
`;

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '6' },
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    again: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const work = join(import.meta.dirname, '.work');
const lastRun = join(work, 'outcomes.json');

const peers = [nginx, nginxTuned, haproxy, haproxyTuned, hitch, stunnel];
const contenders = [tlspool, ...peers];
const asTheyCome = [tlspool, ...peers.filter(({ standsFor }) => standsFor.includes('defaults'))];
const slow = [tlspoolSlow, stunnelSlow];
const targets: readonly Target[] = [...contenders, stunnelToken, ...slow];

async function main(): Promise<void> {
  const rounds = Number(options.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds: ${options.rounds}?`);
  const interruption = endOnSignals();
  try {
    if (options.again) return await publish(JSON.parse(await readFile(lastRun, 'utf8')) as Run);
    // Measures that run in this very process are to have it as well.
    sharePriority(process.pid);
    const rig = await prepareRig(work, options.quick ? 1 / 8 : 1);
    const all = allTrials(rig);
    const trials = all.filter(isWanted);
    if (options.list) return list(trials);
    const load = describeLoad();
    const outcomes = await runRounds(trials, rounds, interruption, showProgress);
    const run: Run = {
      ...outcomes,
      whole: trials.length === all.length && rounds >= 6 && !options.quick,
      rounds,
      date: new Date().toISOString(),
      machine: [...describeMachine(), load],
      software: await Promise.all(
        [nginx, haproxy, hitch, stunnel].map((target) => target.version()),
      ),
    };
    await writeFile(lastRun, JSON.stringify(run));
    await publish(run);
  } catch (error) {
    if (!interruption.aborted) throw error;
    process.stderr.write('Interrupted: nothing is written\n');
    process.exitCode = 130;
  } finally {
    await stopAll();
  }
}

/** What results are made of; kept, as a run takes long. */
interface Run extends Outcomes {
  /** Everything was measured, often enough. */
  readonly whole: boolean;
  readonly rounds: number;
  /** ISO 8601. */
  readonly date: string;
  readonly machine: readonly string[];
  readonly software: readonly string[];
}

async function publish(run: Run): Promise<void> {
  const file = join(run.whole ? import.meta.dirname : work, 'results.md');
  const remarks = await readFile(join(import.meta.dirname, 'remarks.md'), 'utf8');
  await writeFile(file, report({ ...run, date: new Date(run.date), targets, remarks }));
  process.stderr.write(`Written: ${relative(process.cwd(), file)}\n`);
}

function allTrials(rig: Rig): Trial[] {
  return [
    ...bulk(rig, contenders),
    ...handshakes(rig, [...contenders, stunnelToken]),
    ...latency(rig, contenders),
    ...slowToken(rig, slow),
    ...wrap(rig),
    ...startUp(rig, tlspool),
    ...authorisation(),
    ...choosing(),
    ...idleMemory(rig, 1_000, contenders),
    // It takes long; the tuned ones differ from these by their buffers only.
    ...idleMemory(rig, 9_000, asTheyCome),
  ];
}

function isWanted({ measure, subject }: Trial): boolean {
  return (
    options.only.length === 0 || options.only.some((text) => `${measure}/${subject}`.includes(text))
  );
}

function list(trials: readonly Trial[]): void {
  process.stdout.write(trials.map(({ measure, subject }) => `${measure}/${subject}\n`).join(''));
}

/** Ends everything that was started, whatever ends us; aborts the signal that is returned. */
function endOnSignals(): AbortSignal {
  const controller = new AbortController();
  process.once('exit', killAll);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      controller.abort();
      // The trial at work fails, as its processes are gone.
      void stopAll();
    });
  return controller.signal;
}

const begun = Date.now();

const showProgress: Progress = ({ round, done, total, trial, outcome }) => {
  const left = ((Date.now() - begun) / done) * (total - done);
  const numbers =
    outcome instanceof Error
      ? `FAILED: ${outcome.message}`
      : Object.entries(outcome)
          .map(([metric, value]) => `${metric} ${value.toPrecision(3)}`)
          .join('  ');
  process.stderr.write(
    `round ${round}  ${done}/${total}  ${Math.ceil(left / 60_000)} min left  ${trial.measure}/${trial.subject}  ${numbers}\n`,
  );
};

if (options.help) process.stdout.write(usage);
else await main();
