import { readFileSync } from 'node:fs';
import { systemReason, TlspoolError } from '../errors.ts';

/** One setting: `word SPACE rest-of-line`. */
export interface Setting {
  readonly key: string;
  /** Without blanks around it. */
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

export class ConfigError extends TlspoolError {
  constructor(message: string, hint?: string) {
    super('bad-config', message, { hint, exit: 2 });
  }
}

export function noConfFile(path: string): ConfigError {
  return new ConfigError(`there is no configuration file ${path}`);
}

/**
 * The settings of a configuration file, in order; undefined if there is none.
 * @throws ConfigError if it cannot be read
 */
export function readConfFile(path: string): readonly Setting[] | undefined {
  try {
    return parseConf(readFileSync(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    if (error.code === 'ENOENT') return undefined;
    throw new ConfigError(
      `the configuration ${path} cannot be read: ${systemReason(error)}`,
      'Programs read it too: it is meant to be readable by everyone.',
    );
  }
}

/** Empty lines and those that start with `#` say nothing. */
export function parseConf(text: string): Setting[] {
  const settings: Setting[] = [];
  for (const [index, whole] of text.split('\n').entries()) {
    const line = whole.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [, key = '', value = ''] = /^(\S+)\s*(.*)$/.exec(line) ?? [];
    settings.push({ key, value, line: index + 1 });
  }
  return settings;
}
