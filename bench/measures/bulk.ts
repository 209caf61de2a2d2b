import type { Rig } from '../rig.ts';
import type { Target } from '../targets/target.ts';
import type { Trial } from '../trial.ts';

const gibibyte = 2 ** 30;
const moved = gibibyte / 2;
const mebibyte = 2 ** 20;

/** CPU per byte and throughput, towards the backend ("up") and from it ("down"). */
export function bulk(rig: Rig, targets: readonly Target[]): Trial[] {
  return ([1, 16] as const).flatMap((connections) =>
    (['up', 'down'] as const).flatMap((direction) =>
      targets.map((target) => ({
        measure: `${direction}-${connections}`,
        subject: target.id,
        run: async () => {
          const to = await rig.fleet.ready(target, 'ec-p256');
          const { bytes, seconds, cpuSeconds } = await rig.load.bulk(
            to,
            direction,
            connections,
            moved * rig.scale,
          );
          return {
            cpuSecondsPerGiB: cpuSeconds / (bytes / gibibyte),
            mebibytesPerSecond: bytes / mebibyte / seconds,
          };
        },
      })),
    ),
  );
}
