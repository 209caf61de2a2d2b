import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '../../client/index.ts';
import type { PoolPaths } from '../config/paths.ts';
import { readSettings } from '../config/read-settings.ts';
import { forbidDumps } from '../engine/process.ts';
import { startPool } from '../server/pool.ts';
import type { PoolAccess } from './pool-access.ts';
import { PoolLink } from './pool-link.ts';

/** What a daemon does for others is left to it. */
const nobodyElse = {
  socketMode: 0o600,
  socketUid: -1,
  socketGid: -1,
  seatGid: undefined,
  pidFile: undefined,
  caListen: undefined,
} as const;

/**
 * A pool inside this process, for this process alone: its socket is in a folder that only its owner may enter,
 * and gone as soon as it was connected to. It takes the daemon's configuration.
 * @throws ConfigError, and whatever keeps a pool from starting
 */
export async function startInnerPool(paths: PoolPaths, runtimeDir: string): Promise<PoolAccess> {
  // PINs and the keys of sessions are in this process now.
  forbidDumps();
  const folder = mkdtempSync(join(runtimeDir, 'tlspool-standalone-'));
  try {
    const pool = await startPool({
      socket: join(folder, 'pool.sock'),
      stateDir: paths.stateDir,
      settings: { ...readSettings(paths.config), ...nobodyElse },
      isPrivate: true,
    });
    try {
      const another = () => connect({ socket: pool.socket });
      // More cannot come later: one for the link, one for a courier.
      const ways = [await another(), await another()];
      const link = await PoolLink.open(async () => ways.pop() ?? (await another()));
      return {
        link,
        stateDir: paths.stateDir,
        drain: (timeout) => pool.drain(timeout),
        close: async () => {
          link.close();
          for (const unused of ways) unused.close();
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
