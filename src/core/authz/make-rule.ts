import { printable } from '../identity/domain-name.ts';
import { parsePrefix } from './address-prefix.ts';
import { parseHours } from './hours.ts';
import { parseName, parseServiceName } from './name.ts';
import type { ProgramRule } from './program-rule.ts';
import type { Authored, Effect, Rule } from './rule.ts';
import { RuleError } from './rule-error.ts';
import { parseValidated } from './validated.ts';
import { parseRuleSelector, parseWho } from './who.ts';

/** A rule as people write it, on a command line or in a file. */
export interface WrittenRule {
  readonly name: string | undefined;
  readonly effect: Effect;
  readonly who: string;
  readonly to: string;
  readonly service?: string | undefined;
  readonly validated?: readonly string[] | undefined;
  readonly from?: readonly string[] | undefined;
  readonly hours?: string | undefined;
  readonly expires?: string | undefined;
}

export interface WrittenProgramRule {
  readonly name: string | undefined;
  readonly as: string;
  readonly role?: string | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly exe?: string | undefined;
  readonly digest?: string | undefined;
  readonly unit?: string | undefined;
  readonly expires?: string | undefined;
}

/** @param name for a rule that has none of its own. @throws RuleError */
export function makeRule(written: WrittenRule, author: Authored, name: () => string): Rule {
  const { effect, who, to, service, validated = [], from = [], hours, expires } = written;
  return {
    effect,
    who: parseWho(who),
    to: parseRuleSelector(to),
    service: service === undefined ? undefined : parseServiceName(service),
    when: {
      validatedBy: unique(validated.map(parseValidated)),
      from: [...new Map(from.map(parsePrefix).map((prefix) => [prefix.text, prefix])).values()],
      hours: hours === undefined ? undefined : parseHours(hours),
      expires: expires === undefined ? undefined : parseExpiry(expires),
    },
    ...author,
    name: written.name === undefined ? name() : parseName('rule', written.name),
  };
}

/** @throws RuleError */
export function makeProgramRule(
  written: WrittenProgramRule,
  author: Authored,
  name: () => string,
): ProgramRule {
  const { uid, gid, exe, digest, unit, role, expires } = written;
  if ((uid === undefined) === (gid === undefined)) {
    throw new RuleError(
      'a program is known by its user or by its group',
      'Say either --user or --group; --exe, --digest and --unit only narrow that.',
    );
  }
  if (role !== undefined && role !== 'client' && role !== 'server') {
    throw new RuleError(`“${printable(role)}” is no role`, 'It is client or server.');
  }
  if (exe !== undefined && !exe.startsWith('/')) {
    throw new RuleError(`${printable(exe)} is no absolute path`);
  }
  return {
    as: parseRuleSelector(written.as),
    role,
    uid,
    gid,
    executable: exe,
    digest: digest === undefined ? undefined : parseDigest(digest),
    unit: unit === undefined ? undefined : parseUnit(unit),
    expires: expires === undefined ? undefined : parseExpiry(expires),
    ...author,
    name: written.name === undefined ? name() : parseName('rule', written.name),
  };
}

const lengths: Readonly<Record<string, number>> = { h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** A date, a time (ISO 8601), or how long from now: `12h`, `30d`, `8w`. In epoch ms. @throws RuleError */
function parseExpiry(text: string): number {
  const [, count, unit = ''] = /^(\d{1,4})([hdw])$/.exec(text) ?? [];
  if (count !== undefined) return Date.now() + Number(count) * (lengths[unit] ?? 0);
  const time = /^\d{4}-\d\d-\d\d(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new RuleError(
    `“${printable(text)}” is no end`,
    'A date such as 2030-12-31, a time such as 2030-12-31T18:00:00Z, or from now on 12h, 30d, 8w.',
  );
}

function parseDigest(text: string): string {
  const digest = text.toLowerCase().replaceAll(':', '');
  if (/^[0-9a-f]{64}$/.test(digest)) return digest;
  throw new RuleError('a digest is the SHA-256 of the executable, as sha256sum prints it');
}

/** As systemctl takes it: `web` is `web.service`. Programs are in services and scopes only. */
function parseUnit(text: string): string {
  const unit = /\.[a-z]+$/.test(text) ? text : `${text}.service`;
  if (/^[\w:.@\\-]{1,240}\.(?:service|scope)$/.test(unit)) return unit;
  throw new RuleError(`“${printable(text)}” is no unit`, 'Such as nginx.service.');
}

function unique(items: readonly string[]): string[] {
  return [...new Set(items)].sort();
}
