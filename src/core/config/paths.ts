import { isAbsolute, join } from 'node:path';
import { ConfigError, noConfFile, readConfFile } from './conf-file.ts';
import { homeFolder } from './person.ts';

/** Where one pool keeps its things. */
export interface PoolPaths {
  readonly socket: string;
  readonly stateDir: string;
  readonly config: string;
}

type Given = { readonly [Name in keyof PoolPaths]?: string | undefined };

/**
 * Flag, environment, configuration file (`socket_name`, `state_dir`), default.
 * @throws ConfigError if the file cannot be read, or is named but not there
 */
export function resolvePaths(flags: Given, environment: NodeJS.ProcessEnv, uid: number): PoolPaths {
  const defaults = uid === 0 ? machinePaths() : userPaths(environment, uid);
  const named = flags.config ?? (environment.TLSPOOL_CONFIG_FILE || undefined);
  const config = named ?? defaults.config;
  const socket = flags.socket ?? (environment.TLSPOOL_SOCKET || undefined);
  const stateDir = flags.stateDir ?? (environment.TLSPOOL_STATE_DIR || undefined);
  // A file that is named is looked at even if nothing of it is needed here: if it is not there, it was mistyped.
  const needed = named !== undefined || socket === undefined || stateDir === undefined;
  const file = needed ? filePaths(config, named) : {};
  return {
    socket: socket ?? file.socket ?? defaults.socket,
    stateDir: stateDir ?? file.stateDir ?? defaults.stateDir,
    config,
  };
}

function machinePaths(): PoolPaths {
  return {
    socket: '/var/run/tlspool.sock',
    stateDir: '/var/lib/tlspool',
    config: '/etc/tlspool.conf',
  };
}

function userPaths(environment: NodeJS.ProcessEnv, uid: number): PoolPaths {
  const runtime = environment.XDG_RUNTIME_DIR || `/run/user/${uid}`;
  const state = environment.XDG_STATE_HOME || join(homeFolder(), '.local/state');
  const config = environment.XDG_CONFIG_HOME || join(homeFolder(), '.config');
  return {
    socket: join(runtime, 'tlspool.sock'),
    stateDir: join(state, 'tlspool'),
    config: join(config, 'tlspool/tlspool.conf'),
  };
}

/** What every command needs of the file; `serve` reads all of it. */
function filePaths(config: string, named: string | undefined): Given {
  const settings = readConfFile(config);
  if (settings === undefined && named !== undefined) throw noConfFile(named);
  const value = (key: string) => {
    const setting = settings?.findLast((candidate) => candidate.key === key);
    if (setting === undefined || isAbsolute(setting.value)) return setting?.value;
    throw new ConfigError(`${config}:${setting.line}: ${key} must be an absolute path`);
  };
  return { socket: value('socket_name'), stateDir: value('state_dir') };
}
