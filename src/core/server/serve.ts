import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import type { PoolPaths } from '../config/paths.ts';
import { readSettings } from '../config/read-settings.ts';
import type { PoolSettings } from '../config/settings.ts';
import { forbidDumps, raiseFileLimit } from '../engine/process.ts';
import type { AdjustableLog } from '../telemetry/log.ts';
import { pidFileBeside, writeClientConfig, writePidFile } from './notes.ts';
import { type Pool, startPool } from './pool.ts';
import { ServiceManager } from './service-manager.ts';

export interface ServeOrder {
  /** Of tlspool. */
  readonly version: string;
  readonly paths: PoolPaths;
  readonly settings: PoolSettings;
  readonly log: AdjustableLog;
  /** NOTIFY_SOCKET of the environment. */
  readonly notifySocket: string | undefined;
  /** Where programs are told how to find this pool; undefined: they know. */
  readonly clientConfig: string | undefined;
  /** Programs can connect from now on. */
  readonly ready: (pool: Pool) => void;
}

interface ReloadOrder extends ServeOrder {
  /** There was a configuration file at the start. If it is gone, what it said is not taken back. */
  readonly configured: boolean;
}

/** Runs a pool in this process until it is told to end; the exit code is 0 then, or that of the second signal. */
export async function serve(order: ServeOrder): Promise<void> {
  const { version, paths, settings, log, ready } = order;
  forbidDumps();
  raiseFileLimit();
  const manager = new ServiceManager(order.notifySocket, log);
  const { socket, stateDir } = paths;
  await using pool = await startPool({ version, socket, stateDir, settings, log });
  const pidFile = settings.pidFile ?? pidFileBeside(socket);
  using files = new DisposableStack();
  files.defer(writePidFile(pidFile));
  if (order.clientConfig !== undefined) {
    files.defer(writeClientConfig(order.clientConfig, { socket, pidFile }));
  }
  const stop = watchSignals({ ...order, configured: existsSync(paths.config) }, pool, manager);
  ready(pool);
  manager.ready(`Serving at ${socket}`);
  const signal = await stop;
  manager.stopping();
  log.info({ signal, timeout: settings.drainTimeout }, 'the pool ends when its sessions have');
  await pool.drain(settings.drainTimeout);
}

/** Resolves at the first request to end; a second one ends the process at once. SIGHUP reads everything anew. */
function watchSignals(
  order: ReloadOrder,
  pool: Pool,
  manager: ServiceManager,
): Promise<NodeJS.Signals> {
  process.on('SIGHUP', () => {
    reload(order, pool, manager).catch((error: unknown) => {
      order.log.error({ err: error }, 'the configuration could not be read anew');
    });
  });
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        resolve(signal);
        process.once(signal, () => process.exit(128 + constants.signals[signal]));
      });
    }
  });
}

async function reload(
  { paths, settings, log, configured }: ReloadOrder,
  pool: Pool,
  manager: ServiceManager,
): Promise<void> {
  manager.reloading();
  try {
    const read = readSettings(paths.config, { needed: configured });
    log.level = read.logLevel;
    await pool.reload(read);
    log.info({ restart: changedForGood(settings, read) }, 'the configuration was read anew');
  } finally {
    manager.ready(`Serving at ${paths.socket}`);
  }
}

/** Settings that a running pool does not change, by the words of the configuration. */
const fixed = {
  daemon_pidfile: 'pidFile',
  socket_mode: 'socketMode',
  socket_user: 'socketUid',
  socket_group: 'socketGid',
  seat_group: 'seatGid',
  threads: 'threads',
  pkcs11_token: 'token',
  tls_onthefly_signcert: 'onTheFly',
  always_authenticate: 'askForEachSignature',
  max_connections: 'maxConnections',
  ca_listen: 'caListen',
  log_format: 'logFormat',
} as const;

function changedForGood(before: PoolSettings, now: PoolSettings): readonly string[] | undefined {
  const changed = Object.entries(fixed).filter(
    ([, name]) => JSON.stringify(before[name]) !== JSON.stringify(now[name]),
  );
  return changed.length === 0 ? undefined : changed.map(([key]) => key);
}
