import { performance } from 'node:perf_hooks';
import { run } from '../processes.ts';
import { summarize } from '../report/statistics.ts';
import type { Rig } from '../rig.ts';
import type { Target } from '../targets/target.ts';
import { tlspoolCommand } from '../targets/tlspool.ts';
import type { Trial } from '../trial.ts';

const runs = 5;
const bareNode = [process.execPath, '-e', '0'];

/** How long a command takes from its start to its end, beside an empty program in the same Node. */
export function startUp(rig: Rig, daemon: Target): Trial[] {
  const commands: Record<string, (socket: string) => readonly string[]> = {
    '--version': () => ['--version'],
    '--help': () => ['--help'],
    status: (socket) => ['status', '--socket', socket],
  };
  return Object.entries(commands).map(([subject, args]) => ({
    measure: 'start-up',
    subject,
    run: async () => {
      const { socket } = await rig.fleet.ready(daemon, 'ec-p256');
      if (socket === undefined) throw new Error(`${daemon.title} has no socket`);
      const command = [...tlspoolCommand, ...args(socket)];
      // Not the first run ever: Node's compile cache is to be there.
      await run(command);
      const times: number[] = [];
      const bareTimes: number[] = [];
      for (let i = 0; i < runs; i++) {
        bareTimes.push(await milliseconds(bareNode));
        times.push(await milliseconds(command));
      }
      const taken = median(times);
      return { milliseconds: taken, ratioToBareNode: taken / median(bareTimes) };
    },
  }));
}

async function milliseconds(command: readonly string[]): Promise<number> {
  const start = performance.now();
  await run(command);
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return summarize(values)?.median ?? Number.NaN;
}
