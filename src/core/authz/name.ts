import { printable } from '../identity/domain-name.ts';
import { RuleError } from './rule-error.ts';

const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;

/** Names of groups and rules: letters, digits and inner `.`, `_`, `-`; case does not count. @throws RuleError */
export function parseName(what: 'group' | 'rule', text: string): string {
  const name = text.toLowerCase();
  if (NAME.test(name)) return name;
  throw new RuleError(
    `“${printable(text)}” cannot name a ${what}: up to 64 letters, digits, dots, underscores and hyphens can`,
  );
}

/** Lower case, as IANA's names of services compare (RFC 6335 section 5.1). @throws RuleError */
export function parseServiceName(text: string): string {
  const name = text.toLowerCase();
  if (/^(?=.*[a-z])(?!-)(?!.*--)[a-z0-9-]{1,15}(?<!-)$/.test(name)) return name;
  throw new RuleError(
    `“${printable(text)}” is no service: a name such as smtp or https, at most 15 letters, digits and hyphens`,
  );
}
