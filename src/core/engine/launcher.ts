import { builtBesideEngine } from './native.ts';

/** The native launcher (src/native/launcher), which starts programs. */
export const builtLauncher = builtBesideEngine('launcher');
