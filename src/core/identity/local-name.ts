import { DonaiError } from './donai-error.ts';
import { isDonai, parseSelector, type Selector } from './selector.ts';

/**
 * The name of a local identity: a DoNAI, or `.example.com` for a wildcard certificate. Throws DonaiError.
 */
export function parseLocalName(text: string): Selector {
  if (text.startsWith('*.')) {
    const name = text.slice(1);
    throw new DonaiError(`a wildcard is written ${name}, without the star`, {
      hint: `Say ${name} for the certificate of *${name}.`,
    });
  }
  const name = parseSelector(text);
  if (isDonai(name)) return name;
  if (name.user !== undefined) {
    throw new DonaiError(`${text} is a selector of users; certificates have no wildcard for them`);
  }
  if (!name.domain.slice(1).includes('.')) {
    throw new DonaiError(`a wildcard for ${text} would stand for a whole top-level domain`, {
      hint: 'Other TLS programs refuse it: at least two labels follow the first dot.',
    });
  }
  return name;
}

/** `.example.com` for `www.example.com`; certificates know no wildcards for users. */
export function wildcardOf({ user, domain }: Selector): string | undefined {
  const dot = domain.indexOf('.');
  return user === undefined && dot > 0 ? domain.slice(dot) : undefined;
}

/** Whether certificates of one of those local names, wildcards among them, name that remote. '': nobody. */
export function namedBy(names: ReadonlySet<string>, remoteId: string): boolean {
  if (remoteId === '') return false;
  return names.has(remoteId) || names.has(wildcardOf(parseSelector(remoteId)) ?? '');
}
