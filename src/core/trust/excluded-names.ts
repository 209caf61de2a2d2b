import { foldAscii } from '../identity/domain-name.ts';
import { type Donai, formatDonai } from '../identity/donai.ts';
import { extensionsOf } from './certificate.ts';
import { children, readElement, TAG } from './der.ts';

/** 2.5.29.30 */
const NAME_CONSTRAINTS = '551d1e';
const RFC822_NAME = TAG.contextPrimitive(1);
const DNS_NAME = TAG.contextPrimitive(2);

/**
 * Whether a CA's name constraints (RFC 5280 section 4.2.1.10) exclude whom we are about to believe. OpenSSL compares
 * what certificates say: a wildcard that stands for an excluded name, or a mailbox in other letters, gets past it.
 * @param byDomain whether a domain stands for its user @throws DerError
 */
export function excludes(authority: Buffer, { user, domain }: Donai, byDomain: boolean): boolean {
  const extension = extensionsOf(authority).get(NAME_CONSTRAINTS);
  if (extension === undefined) return false;
  const [excluded] = children(readElement(extension)).filter(({ tag }) => tag === TAG.context(1));
  if (excluded === undefined) return false;
  return children(excluded, TAG.context(1)).some((subtree) => {
    const [base] = children(subtree);
    const text = foldAscii(base?.content.toString('latin1') ?? '');
    if (base?.tag === DNS_NAME && (user === undefined || byDomain)) return isBelow(domain, text);
    return base?.tag === RFC822_NAME && user !== undefined && isMailboxOf(text, { user, domain });
  });
}

function isBelow(domain: string, base: string): boolean {
  if (base === '' || domain === base) return true;
  return domain.endsWith(base.startsWith('.') ? base : `.${base}`);
}

/** A mailbox, all of a host, or all of the hosts below a `.domain`. */
function isMailboxOf(base: string, { user, domain }: Pick<Donai, 'user' | 'domain'>): boolean {
  if (base.includes('@')) return formatDonai({ user, domain }) === base;
  return base.startsWith('.') ? domain.endsWith(base) : base === '' || domain === base;
}
