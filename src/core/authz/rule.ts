import type { Selector } from '../identity/selector.ts';
import { formatSelector } from '../identity/selector.ts';
import type { AddressPrefix } from './address-prefix.ts';
import type { Hours } from './hours.ts';
import { formatWho, type Who } from './who.ts';

export type Effect = 'allow' | 'deny';

/** May this remote use this local identity and service? */
export interface Rule extends Authored {
  readonly name: string;
  readonly effect: Effect;
  readonly who: Who;
  /** Local identities that it concerns. */
  readonly to: Selector;
  /** Lower case; undefined: any. */
  readonly service: string | undefined;
  readonly when: Conditions;
}

/** All of them must hold for a rule to apply; an empty list asks for nothing. */
export interface Conditions {
  /** Sets of predicate letters (man tlspool, validation expressions), one of which must have held whole: `D`, `TR`. */
  readonly validatedBy: readonly string[];
  /** The client's address is in one of these blocks. */
  readonly from: readonly AddressPrefix[];
  readonly hours: Hours | undefined;
  /** Epoch ms from which on it does not apply any more; undefined: it does for ever. */
  readonly expires: number | undefined;
}

/** Who made it, when and why. */
export interface Authored {
  readonly note: string;
  readonly madeBy: string;
  /** ISO 8601. */
  readonly madeAt: string;
}

/** What the rule says, as a command would: equal texts, equal rules. */
export function describeRule({ effect, who, to, service, when }: Rule): string {
  const parts = [`${effect} ${formatWho(who)} --to ${formatSelector(to)}`];
  if (service !== undefined) parts.push(`--service ${service}`);
  return [...parts, ...describeConditions(when)].join(' ');
}

function describeConditions({ validatedBy, from, hours, expires }: Conditions): string[] {
  return [
    ...[...validatedBy].sort().map((how) => `--validated ${how}`),
    ...from
      .map(({ text }) => text)
      .sort()
      .map((text) => `--from ${text}`),
    ...(hours === undefined ? [] : [`--hours ${quoted(hours.text)}`]),
    ...(expires === undefined ? [] : [`--expires ${new Date(expires).toISOString()}`]),
  ];
}

/** As it can be given on a command line. */
export function quoted(text: string): string {
  return /^[\w.,:/@+=~*-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
