/**
 * Preloaded into a Node process under test (`--import`): on SIGUSR2 it writes the p99 of the event loop's
 * delay since the last SIGUSR2, in ms, to the file BENCH_EVENT_LOOP, and starts anew. The delay is that of
 * a timer of 1 ms, so this millisecond is in the figure.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const file = process.env.BENCH_EVENT_LOOP;
if (file === undefined) throw new Error('BENCH_EVENT_LOOP must name a file');
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();

process.on('SIGUSR2', () => {
  // Never seen half-written.
  writeFileSync(`${file}.new`, String(delay.percentile(99) / 1e6));
  renameSync(`${file}.new`, file);
  delay.reset();
});
