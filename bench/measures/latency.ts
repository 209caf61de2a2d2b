import type { Rig } from '../rig.ts';
import type { Target } from '../targets/target.ts';
import type { Trial } from '../trial.ts';

/** 64 bytes to the backend and back, over and over, on one connection and on 16 at once. */
export function latency(rig: Rig, targets: readonly Target[]): Trial[] {
  return [1, 16].flatMap((connections) =>
    targets.map((target) => ({
      measure: `ping-pong-${connections}`,
      subject: target.id,
      run: async () => {
        const to = await rig.fleet.ready(target, 'ec-p256');
        const outcome = await rig.load.pingPong(to, {
          threads: connections,
          warmUp: 0.2 * rig.scale,
          seconds: 0.8 * rig.scale,
        });
        return { p50: outcome.p50, p99: outcome.p99 };
      },
    })),
  );
}
