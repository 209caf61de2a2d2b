import { ConfigError, noConfFile, readConfFile, type Setting } from './conf-file.ts';
import { keys } from './keys.ts';
import { type Draft, defaultSettings, type PoolSettings } from './settings.ts';
import { validationKeys } from './validation-keys.ts';

/**
 * What a configuration file says, the rest being default; a file that is not there says nothing, unless it has to be.
 * Every line counts: what cannot be honoured is refused with its reason.
 * @throws ConfigError with all faults of the file
 */
export function readSettings(path: string, { needed = false } = {}): PoolSettings {
  const settings = readConfFile(path);
  if (settings === undefined && needed) throw noConfFile(path);
  return interpret(settings ?? [], path);
}

/** Only what commands need that judge others and sign for them; the rest may be for another user to read. */
export function readTrustSettings(path: string): Pick<PoolSettings, 'validation' | 'caUrl'> {
  const settings = readConfFile(path) ?? [];
  return interpret(
    settings.filter(({ key }) => Object.hasOwn(validationKeys, key)),
    path,
  );
}

export function interpret(settings: readonly Setting[], path: string): PoolSettings {
  const draft: Draft = { ...defaultSettings };
  const seen = new Map<string, number>();
  const faults: string[] = [];
  for (const { key, value, line } of settings) {
    try {
      requireNew(key, seen);
      seen.set(key, line);
      apply(key, value, draft);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      faults.push(`${path}:${line}: ${[error.message, error.hint].filter(Boolean).join('; ')}`);
    }
  }
  if (draft.seatGid !== undefined && draft.socketGid !== -1 && draft.socketGid !== draft.seatGid) {
    faults.push(
      `${path}: socket_group and seat_group differ; the sockets are of seat_group, if it is there`,
    );
  }
  if (draft.onTheFly?.certificate === '' || draft.onTheFly?.key === '') {
    faults.push(`${path}: tls_onthefly_signcert and tls_onthefly_signkey need each other`);
  }
  if (faults.length > 0) {
    throw new ConfigError(
      faults.join('\n'),
      'See tlspool.conf(5) or the example in etc/tlspool.conf.',
    );
  }
  return draft;
}

function requireNew(key: string, seen: ReadonlyMap<string, number>): void {
  const earlier = seen.get(key);
  if (earlier !== undefined) throw new ConfigError(`${key} stands in line ${earlier} already`);
}

function apply(key: string, value: string, draft: Draft): void {
  const rule = keys.get(key);
  if (rule === undefined) throw new ConfigError(`there is no setting ${key}`);
  if (rule.kind === 'refused') throw new ConfigError(`${key} is not honoured: ${rule.reason}`);
  if (value === '') throw new ConfigError(`${key} needs a value`);
  rule.apply(value, draft);
}
