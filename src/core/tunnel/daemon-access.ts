import { setTimeout as pause } from 'node:timers/promises';
import { sessions, status } from '../../client/administration.ts';
import { connect } from '../../client/index.ts';
import { TlspoolError } from '../errors.ts';
import type { PoolAccess } from './pool-access.ts';
import { PoolLink } from './pool-link.ts';

/** The daemon at `socket`, found again when it restarts. */
export async function reachDaemon(socket: string): Promise<PoolAccess> {
  const link = await PoolLink.open(() => connect({ socket })).catch((error: unknown) => {
    throw namingStandalone(error);
  });
  try {
    return {
      link,
      stateDir: await stateDirOf(socket),
      drain: (timeout) => drain(socket, timeout),
      close: async () => link.close(),
    };
  } catch (error) {
    link.close();
    throw error;
  }
}

/** Whoever may not administer the pool is not told. */
async function stateDirOf(socket: string): Promise<string | undefined> {
  try {
    return (await status({ socket })).stateDir;
  } catch (error) {
    if (mayNotAdminister(error)) return undefined;
    throw error;
  }
}

/** By the rights of the socket beside the pool's own, or by its answer. */
function mayNotAdminister(error: unknown): boolean {
  if (!(error instanceof TlspoolError)) return false;
  const { code, cause } = error;
  return code === 'EACCES' || (cause as NodeJS.ErrnoException | undefined)?.code === 'EACCES';
}

/** ms between looks at the sessions that are left. */
const glance = 100;

/** Sessions leave no trace in this process: whether some are open, the daemon knows. */
async function drain(socket: string, timeout: number): Promise<void> {
  const deadline = Date.now() + timeout;
  while (await hasSessions(socket)) {
    if (Date.now() + glance > deadline) return;
    await pause(glance);
  }
}

async function hasSessions(socket: string): Promise<boolean> {
  try {
    for await (const { program } of sessions({ socket })) {
      if (program.pid === process.pid) return true;
    }
  } catch (error) {
    // With the daemon its sessions are gone; and whoever may not look leaves them to the daemon, which delivers what is
    // there when we are gone.
    const gone = error instanceof TlspoolError && error.code === 'no-daemon';
    if (!gone && !mayNotAdminister(error)) throw error;
  }
  return false;
}

function namingStandalone(error: unknown): unknown {
  if (!(error instanceof TlspoolError) || error.code !== 'no-daemon') return error;
  return new TlspoolError(error.code, error.message, {
    hint: `${error.hint} Or run one inside this process: --standalone`,
    exit: error.exit,
    cause: error,
  });
}
