import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where one pool keeps its things. */
export interface PoolPaths {
  readonly socket: string;
  readonly stateDir: string;
  readonly config: string;
}

type Given = { readonly [Name in keyof PoolPaths]?: string | undefined };

/** Flag, environment, default; the configuration file's own socket_name is applied by whoever reads it. */
export function resolvePaths(flags: Given, environment: NodeJS.ProcessEnv, uid: number): PoolPaths {
  const defaults = uid === 0 ? machinePaths() : userPaths(environment, uid);
  return {
    socket: flags.socket ?? environment.TLSPOOL_SOCKET ?? defaults.socket,
    stateDir: flags.stateDir ?? environment.TLSPOOL_STATE_DIR ?? defaults.stateDir,
    config: flags.config ?? environment.TLSPOOL_CONFIG_FILE ?? defaults.config,
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
  const runtime = environment.XDG_RUNTIME_DIR ?? `/run/user/${uid}`;
  const state = environment.XDG_STATE_HOME ?? join(homedir(), '.local/state');
  const config = environment.XDG_CONFIG_HOME ?? join(homedir(), '.config');
  return {
    socket: join(runtime, 'tlspool.sock'),
    stateDir: join(state, 'tlspool'),
    config: join(config, 'tlspool/tlspool.conf'),
  };
}
