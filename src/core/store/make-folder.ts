import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder, and those above it that are not there, for their owner only. (Node's own way, `recursive`, tries forever
 * where a file system makes no folders, as /proc, and takes a read-only one for one that lacks a folder.)
 *
 * @param path absolute
 * @returns the outermost folder that had to be made; undefined: it was there
 * @throws system errors: EROFS, EACCES, EEXIST if something else is there, …
 */
export async function makeFolder(path: string): Promise<string | undefined> {
  if (await isFolder(path)) return undefined;
  const above = dirname(path);
  const outermost = above === path ? undefined : await makeFolder(above);
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    // Another process may have made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !(await isFolder(path))) throw error;
    return outermost;
  }
  return outermost ?? path;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
