import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { start, stop, untilAccepting } from '../processes.ts';
import type { Deployment, Place } from './target.ts';

/** Starts a proxy that reads one configuration file, and waits until it accepts connections. */
export async function startPeer(
  place: Place,
  configuration: string,
  command: (file: string) => readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Deployment> {
  const file = join(place.directory, 'configuration');
  await writeFile(file, configuration);
  const log = join(place.directory, 'log');
  const proxy = start(command(file), { log, environment });
  try {
    await untilAccepting(place.port, proxy, log);
  } catch (error) {
    await stop(proxy);
    throw error;
  }
  return { processes: [proxy] };
}

/** The part of a program's own words about itself that `pattern` captures. */
export function captured(words: string, pattern: RegExp): string {
  const found = pattern.exec(words)?.[1];
  if (found === undefined) throw new Error(`No version in: ${words}`);
  return found;
}

/** A line that keeps a proxy started by root from changing to a user who may not read its files. */
export function stayRoot(line: string): string {
  return process.getuid?.() === 0 ? line : '';
}
