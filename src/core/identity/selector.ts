import { parseDomain } from './domain-name.ts';
import { type Donai, formatDonai, parseUser, requireFits } from './donai.ts';
import { DonaiError } from './donai-error.ts';

/**
 * A pattern of DoNAIs that drops detail from the left: `.example.com`, `@example.com`, `john@.com`, `@.`.
 * Every DoNAI is also the selector of itself alone.
 */
export interface Selector {
  /** Canonical as in a Donai; '': any user; undefined: only domains, never users. */
  readonly user: string | undefined;
  /** Canonical as in a Donai; with a leading dot: what is below it; '.': any. */
  readonly domain: string;
}

/** Throws DonaiError. */
export function parseSelector(text: string): Selector {
  const at = text.lastIndexOf('@');
  const selector = {
    user: at < 0 ? undefined : at === 0 ? '' : parseUser(text.slice(0, at)),
    domain: parsePattern(text.slice(at + 1)),
  };
  requireFits(formatSelector(selector));
  return selector;
}

export function formatSelector(selector: Selector): string {
  return formatDonai(selector);
}

/** The selectors that match a DoNAI, ever more general; the first one is itself. */
export function walk(donai: Donai): Selector[] {
  const users = donai.user === undefined ? [undefined] : [donai.user, ''];
  return generalisations(donai.domain).flatMap((domain) => users.map((user) => ({ user, domain })));
}

/** The texts of `walk`, made faster: for whoever looks them up by thousands a second. */
export function walkTexts({ user, domain }: Donai): string[] {
  const patterns = generalisations(domain);
  return user === undefined
    ? patterns
    : patterns.flatMap((pattern) => [`${user}@${pattern}`, `@${pattern}`]);
}

export function matches(selector: Selector, donai: Donai): boolean {
  return matchesUser(selector.user, donai.user) && matchesDomain(selector.domain, donai.domain);
}

/** Whether it matches one DoNAI only. */
export function isDonai(selector: Selector): selector is Donai {
  return selector.user !== '' && !selector.domain.startsWith('.');
}

function parsePattern(text: string): string {
  if (text === '.') return text;
  if (text === '') throw new DonaiError('the domain of the selector is missing: `.` is any');
  return text.startsWith('.') ? `.${parseDomain(text.slice(1))}` : parseDomain(text);
}

/** cs.example.com → cs.example.com, .example.com, .com, . */
function generalisations(domain: string): string[] {
  const patterns = [domain];
  for (let dot = domain.indexOf('.'); dot >= 0; dot = domain.indexOf('.', dot + 1)) {
    patterns.push(domain.slice(dot));
  }
  patterns.push('.');
  return patterns;
}

function matchesUser(pattern: string | undefined, user: string | undefined): boolean {
  return pattern === '' ? user !== undefined : pattern === user;
}

function matchesDomain(pattern: string, domain: string): boolean {
  if (pattern === '.' || pattern === domain) return true;
  return pattern.startsWith('.') && domain.endsWith(pattern);
}
