import { setTimeout as sleep } from 'node:timers/promises';
import { proportionalSetSize } from '../processes.ts';
import type { Rig } from '../rig.ts';
import type { Target } from '../targets/target.ts';
import type { Trial } from '../trial.ts';

/** Proxies free and trim in their own time; what they keep longer than this counts. */
const settle = 1_500;

/**
 * What a connection that has nothing to say costs: the growth of the proportional set size (PSS) of all
 * processes of a freshly started, warmed-up target, divided by the connections. Kernel memory is not in it.
 */
export function idleMemory(rig: Rig, connections: number, targets: readonly Target[]): Trial[] {
  return targets.map((target) => ({
    measure: `idle-${connections}`,
    subject: target.id,
    rounds: 2,
    run: async () => {
      // Two descriptors a connection in the proxy, and some for itself.
      if (rig.openFiles < connections * 2 + 200)
        throw new Error(`RLIMIT_NOFILE ${rig.openFiles} is too low for ${connections} connections`);
      return rig.fleet.fresh(target, 'ec-p256', async (to) => {
        await rig.load.handshakes(to, { threads: 8, warmUp: 0, seconds: 1, resume: false });
        await sleep(settle);
        const parts = Object.entries(to.parts ?? {});
        const measure = () => ({
          all: proportionalSetSize(to.watch),
          parts: parts.map(([, pid]) => proportionalSetSize([pid])),
        });
        const before = measure();
        let after = before;
        await rig.load.holdIdle(to, connections, async () => {
          await sleep(settle);
          after = measure();
        });
        const each = (grown: number) => grown / connections;
        return {
          kibibytesPerConnection: each(after.all - before.all),
          mebibytesInTotal: after.all / 1024,
          ...Object.fromEntries(
            parts.map(([part], i) => [part, each((after.parts[i] ?? 0) - (before.parts[i] ?? 0))]),
          ),
        };
      });
    },
  }));
}
