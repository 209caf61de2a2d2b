import { parseProtocol } from '../../starttls/dialogs.ts';
import type { Treatment } from './client-rules.ts';
import type { Goal } from './goal.ts';

/** How long programs are waited for to say their first word, which may show that they speak TLS themselves. */
export class FirstWords {
  /** Places where a program waited for its server to speak first: none is waited for there again. */
  readonly #greeted = new Set<string>();

  /** ms; 0: its server speaks first, and what the program says is an answer. */
  patienceWith({ treatment, place }: Goal): number {
    return this.#greeted.has(place) ? 0 : patienceWith(treatment);
  }

  /** A program said nothing there for so long. */
  missed({ place }: Goal): void {
    if (this.#greeted.size < mostGreeted) this.#greeted.add(place);
  }
}

const mostGreeted = 1024;

/** ms, by what is known of the protocol. */
export function patienceWith(treatment: Treatment): number {
  if (serverSpeaksFirst(treatment)) return 0;
  return waiting.has(treatment.service ?? '') ? longestThought : longestSilence;
}

function serverSpeaksFirst(treatment: Treatment): boolean {
  if (treatment.kind === 'tls') return greeting.has(treatment.service ?? '');
  const { serverFirst, name } = parseProtocol(treatment.protocol);
  return serverFirst || name === 'ftps';
}

const greeting: ReadonlySet<string> = new Set(['imaps', 'nntps', 'pop3s', 'submissions']);
/** Their servers say nothing before they are asked. */
const waiting: ReadonlySet<string> = new Set([
  ...['domain-s', 'https', 'ldap', 'ldaps'],
  ...['postgresql', 'xmpp-client', 'xmpp-server'],
]);
/** Where nobody knows who speaks first, and its server may be waited for. */
const longestSilence = 300;
/** Where the program does: only one that thinks before it speaks is kept waiting. */
const longestThought = 10_000;
