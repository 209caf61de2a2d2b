import { createHash } from 'node:crypto';
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** Bytes; whoever is judged chooses the file, and everybody waits while it is read. */
const LARGEST = 256 * 1024 * 1024;
const CHUNK = 1024 * 1024;
const MOST_KEPT = 64;

/** Digests by the file and its last change, which only the kernel sets. */
const kept = new Map<string, string>();

/** SHA-256 of a file, lower-case hexadecimal; undefined: it cannot be read, or is larger than programs are. */
export function digestOf(path: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(fd, { bigint: true });
    if (!stats.isFile() || stats.size > LARGEST) return undefined;
    return keptDigest(fd, stats);
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function keptDigest(fd: number, { dev, ino, size, ctimeNs, mtimeNs }: BigIntStats): string {
  const key = [dev, ino, size, ctimeNs, mtimeNs].join(' ');
  const known = kept.get(key);
  if (known !== undefined) return known;
  const digest = read(fd, Number(size));
  if (kept.size >= MOST_KEPT) kept.clear();
  // A change within the same tick of the file system's clock would not be seen.
  if (Date.now() - Number(ctimeNs / 1_000_000n) > 2_000) kept.set(key, digest);
  return digest;
}

function read(fd: number, size: number): string {
  const hash = createHash('sha256');
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK, size + 1));
  let total = 0;
  for (let count = 1; count > 0; total += count) {
    if (total > size) throw new Error('it grows while it is read');
    count = readSync(fd, chunk);
    hash.update(chunk.subarray(0, count));
  }
  return hash.digest('hex');
}
