import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '../../client/index.ts';
import type { PoolPaths } from '../config/paths.ts';
import { startPool } from '../server/pool.ts';
import type { PoolAccess } from './pool-access.ts';
import { PoolLink } from './pool-link.ts';

/**
 * A pool inside this process, for this process alone: its socket is in a folder that only its owner may enter,
 * and gone as soon as it is connected to.
 */
export async function startInnerPool(paths: PoolPaths, runtimeDir: string): Promise<PoolAccess> {
  const folder = mkdtempSync(join(runtimeDir, 'tlspool-standalone-'));
  try {
    const pool = await startPool({ socket: join(folder, 'pool.sock'), stateDir: paths.stateDir });
    try {
      const link = await PoolLink.open(() => connect({ socket: pool.socket }));
      return {
        link,
        stateDir: paths.stateDir,
        drain: (timeout) => pool.drain(timeout),
        close: async () => {
          link.close();
          await pool.close();
        },
      };
    } catch (error) {
      await pool.close();
      throw error;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
