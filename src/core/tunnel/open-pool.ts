import type { PoolPaths } from '../config/paths.ts';
import type { PoolAccess } from './pool-access.ts';

export interface PoolChoice {
  readonly paths: PoolPaths;
  /** Run a pool inside this process. */
  readonly standalone: boolean;
  /** Where that pool's socket is for the moment in which it is connected to. */
  readonly runtimeDir: string;
}

/** @throws TlspoolError `no-daemon` and, with `standalone`, whatever keeps a pool from starting */
export async function openPool({ paths, standalone, runtimeDir }: PoolChoice): Promise<PoolAccess> {
  if (standalone) {
    const { startInnerPool } = await import('./inner-pool.ts');
    return startInnerPool(paths, runtimeDir);
  }
  const { reachDaemon } = await import('./daemon-access.ts');
  return reachDaemon(paths.socket);
}
