import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { homeFolder } from '../config/person.ts';

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
      : join(environment.XDG_CACHE_HOME || join(homeFolder(), '.cache'), 'tlspool'),
  );
}
