import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 compile its baseline code on the main thread, as it did before Node 26. In the background that compiler may come
 * to wait for a garbage collection just when the main thread ends the process and waits for it in turn: once in some
 * thousand runs a command would never end.
 */
export function compileInForeground(): void {
  setFlagsFromString('--no-concurrent-sparkplug');
}
