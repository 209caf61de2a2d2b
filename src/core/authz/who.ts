import { printable } from '../identity/domain-name.ts';
import { DonaiError } from '../identity/donai-error.ts';
import { formatSelector, parseSelector, type Selector } from '../identity/selector.ts';
import { parseName } from './name.ts';
import { RuleError } from './rule-error.ts';

/** A remote that a group holds: those that a selector matches, or all of another group. */
export type Member =
  | { readonly kind: 'selector'; readonly selector: Selector }
  | { readonly kind: 'group'; readonly group: string };

/** Whom a rule is about. */
export type Who = Member | { readonly kind: 'authenticated' | 'anonymous' | 'everyone' };

const GROUP = 'group:';

/** `john@example.com`, `.example.com`, `group:staff`, `authenticated`, `anonymous`, `everyone`. @throws RuleError */
export function parseWho(text: string): Who {
  const word = text.toLowerCase();
  if (word === 'authenticated' || word === 'anonymous' || word === 'everyone') {
    return { kind: word };
  }
  return parseMember(text);
}

/** @throws RuleError */
export function parseMember(text: string): Member {
  if (text.toLowerCase().startsWith(GROUP)) {
    return { kind: 'group', group: parseName('group', text.slice(GROUP.length)) };
  }
  return { kind: 'selector', selector: parseRemoteSelector(text) };
}

export function formatWho(who: Who): string {
  switch (who.kind) {
    case 'selector':
      return formatSelector(who.selector);
    case 'group':
      return `${GROUP}${who.group}`;
    default:
      return who.kind;
  }
}

/** Selectors of remotes and of local identities alike. @throws RuleError */
export function parseRuleSelector(text: string): Selector {
  try {
    return parseSelector(text);
  } catch (error) {
    if (!(error instanceof DonaiError)) throw error;
    throw new RuleError(error.message, error.hint);
  }
}

/** No remote has a name without a dot: it was meant to be something else. */
function parseRemoteSelector(text: string): Selector {
  const selector = parseRuleSelector(text);
  const { user, domain } = selector;
  if (domain.includes('.') || domain === 'localhost') return selector;
  const said = printable(text);
  const also =
    user === undefined
      ? 'The words authenticated, anonymous and everyone stand for themselves.'
      : `A user of a domain is written ${user}@example.com.`;
  throw new RuleError(
    `“${said}” has no dot: nobody is called that`,
    user === undefined ? `Did you mean group:${domain}? ${also}` : also,
  );
}
