import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Trial } from '../trial.ts';

interface Probed {
  readonly microseconds: number;
  readonly bytesPerIdentity: number;
  readonly loadMilliseconds: number;
}

const probe = join(import.meta.dirname, '../choosing-probe.ts');
const FEW = 50;
const MANY = 50_000;

/** What it costs to choose one of few identities and one of many, by SNI and by disclosure. */
export function choosing(): Trial[] {
  return [
    {
      measure: 'choosing',
      subject: 'identities',
      run: async () => {
        const few = await probed(FEW);
        const many = await probed(MANY);
        return {
          fewMicroseconds: few.microseconds,
          manyMicroseconds: many.microseconds,
          ratio: many.microseconds / few.microseconds,
          kibibytesPerIdentity: many.bytesPerIdentity / 1024,
          loadMilliseconds: many.loadMilliseconds,
        };
      },
    },
  ];
}

async function probed(count: number): Promise<Probed> {
  const { stdout } = await promisify(execFile)(process.execPath, [probe, String(count)]);
  return JSON.parse(stdout) as Probed;
}
