import type { Rig } from '../rig.ts';
import type { KeyType, Target } from '../targets/target.ts';
import type { Trial } from '../trial.ts';

const threads = 8;
const kinds = [
  { measure: 'handshakes-p256', key: 'ec-p256', resume: false },
  { measure: 'handshakes-rsa', key: 'rsa-2048', resume: false },
  { measure: 'resumed', key: 'ec-p256', resume: true },
] as const satisfies readonly { measure: string; key: KeyType; resume: boolean }[];

/**
 * Whole visits: connect, handshake, a byte to the backend and back, close. So the way through to the
 * backend is part of the price, for everybody.
 */
export function handshakes(rig: Rig, targets: readonly Target[]): Trial[] {
  return kinds.flatMap(({ measure, key, resume }) =>
    targets.map((target) => ({
      measure,
      subject: target.id,
      run: async () => {
        const to = await rig.fleet.ready(target, key);
        const partsBefore = to.cpuByPart?.();
        const outcome = await rig.load.handshakes(to, {
          threads,
          resume,
          warmUp: 0.3 * rig.scale,
          seconds: 1.5 * rig.scale,
        });
        const { count, resumed, seconds, cpuSeconds } = outcome;
        if (count === 0) throw new Error('No handshake was completed');
        if (resume ? resumed < count : resumed > 0)
          throw new Error(`${resumed} of ${count} handshakes were resumed`);
        const cpuMilliseconds = (cpuSeconds * 1e3) / count;
        const shares = sharesOf(partsBefore ?? {}, to.cpuByPart?.() ?? {});
        return {
          cpuMilliseconds,
          perSecond: count / seconds,
          ...Object.fromEntries(shares.map(([part, share]) => [part, share * cpuMilliseconds])),
        };
      },
    })),
  );
}

/** Each part's share of the CPU time that all of them used in between. */
function sharesOf(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): [part: string, share: number][] {
  const used = Object.entries(after).map(
    ([part, seconds]) => [part, seconds - (before[part] ?? 0)] as const,
  );
  const all = used.reduce((sum, [, seconds]) => sum + seconds, 0);
  return used.map(([part, seconds]) => [part, seconds / all]);
}
