import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Keeps V8's compiled code between runs. Not in the temporary directory, which is Node's default: cached
 * code is executed, so nobody else may be able to plant it. A directory that cannot be written means no
 * cache, nothing worse.
 */
export function useCompileCache(environment: NodeJS.ProcessEnv, uid: number): void {
  if (environment.NODE_COMPILE_CACHE !== undefined) return;
  enableCompileCache(
    uid === 0
      ? '/var/cache/tlspool'
      : join(environment.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tlspool'),
  );
}
