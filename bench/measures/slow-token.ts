import type { Rig } from '../rig.ts';
import type { Target } from '../targets/target.ts';
import type { Trial } from '../trial.ts';

/** Enough to keep a pool of signers busy, however large. */
const clients = 64;

/** Handshakes with a token that takes its time: whoever waits for it on a thread that others need is found out. */
export function slowToken(rig: Rig, targets: readonly Target[]): Trial[] {
  return targets.map((target) => ({
    measure: 'slow-token',
    subject: target.id,
    run: async () => {
      const to = await rig.fleet.ready(target, 'ec-p256');
      await to.eventLoopP99?.();
      const { count, seconds, p50 } = await rig.load.handshakes(to, {
        threads: clients,
        resume: false,
        warmUp: 0.5 * rig.scale,
        seconds: 3 * rig.scale,
      });
      const eventLoopP99 = await to.eventLoopP99?.();
      return {
        perSecond: count / seconds,
        visitP50: p50 / 1e3,
        ...(eventLoopP99 === undefined ? {} : { eventLoopP99 }),
      };
    },
  }));
}
