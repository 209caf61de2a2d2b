import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { ConfigError } from './conf-file.ts';

/** What values of settings may look like. All throw ConfigError. */

export function absolutePath(value: string): string {
  if (isAbsolute(value)) return value;
  throw new ConfigError(`a path must be absolute, got \`${value}\``);
}

export function count(value: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(value)) return Number(value);
  throw new ConfigError(`a number from 1 on is needed, got \`${value}\``);
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 };

/** In ms; a number without a unit is in seconds: `30`, `30 s`, `500 ms`, `5 min`, `2 h`. */
export function duration(value: string): number {
  const [, digits, unit = 's'] = /^([0-9]{1,9})(?:\s*(ms|s|min|h))?$/.exec(value) ?? [];
  const factor = units[unit];
  if (digits === undefined || factor === undefined) {
    throw new ConfigError(
      `a time like \`30 s\`, \`500 ms\` or \`5 min\` is needed, got \`${value}\``,
    );
  }
  return Number(digits) * factor;
}

export function fileMode(value: string): number {
  if (/^0?[0-7]{3}$/.test(value)) return Number.parseInt(value, 8);
  throw new ConfigError(`a mode like 0600 is needed, got \`${value}\``);
}

export function yes(value: string): boolean {
  if (/^(?:yes|true|on|1)$/i.test(value)) return true;
  if (/^(?:no|false|off|0)$/i.test(value)) return false;
  throw new ConfigError(`yes or no is needed, got \`${value}\``);
}

/** The number of a user or group, by number or by name. */
export function userId(value: string): number {
  return accountId(value, '/etc/passwd', 'user');
}

export function groupId(value: string): number {
  return accountId(value, '/etc/group', 'group');
}

function accountId(value: string, database: string, what: string): number {
  if (/^[0-9]{1,10}$/.test(value)) return Number(value);
  const entry = readFileSync(database, 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === value);
  if (entry?.[2] !== undefined) return Number(entry[2]);
  throw new ConfigError(
    `there is no ${what} ${value} in ${database}`,
    `Give the ${what}'s number.`,
  );
}
