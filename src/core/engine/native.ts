import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TlspoolError } from '../errors.ts';

let loaded: object | undefined;

const build =
  'Build it for this Node: `npm run build` in a checkout, `npm rebuild tlspool` where it was installed (npm must be allowed to run its install script).';

/**
 * The engine's addon, loaded at first use. It is built into `build/engine.node` at the root of the package, which is
 * three folders up from here in the sources and in the compiled form alike. TLSPOOL_ENGINE names another build of
 * it, for instance one with sanitizers.
 */
export function loadNative<Functions extends object>(): Functions {
  // Some ask for each connection: finding the file again would cost more than most of what they do with it.
  loaded ??= load();
  return loaded as Functions;
}

function load(): object {
  const path = process.env.TLSPOOL_ENGINE ?? builtEngine();
  try {
    return createRequire(import.meta.url)(path) as object;
  } catch (cause) {
    throw new TlspoolError(
      'engine-unusable',
      `the engine ${path} does not load: ${(cause as Error).message}`,
      {
        hint: build,
        cause,
      },
    );
  }
}

/** Where something is that was built together with the engine. */
export function builtBesideEngine(name: string): string {
  const { TLSPOOL_ENGINE: engine } = process.env;
  if (engine !== undefined) return join(dirname(engine), name);
  return fileURLToPath(new URL(`../../../build/${name}`, import.meta.url));
}

function builtEngine(): string {
  const path = builtBesideEngine('engine.node');
  if (existsSync(path)) return path;
  throw new TlspoolError('engine-missing', `the engine is not built: there is no ${path}`, {
    hint: build,
  });
}
