import { parseProtocol } from '../../starttls/dialogs.ts';
import type { Treatment } from './client-rules.ts';

/**
 * ms to wait for a program's first word, which may show that it speaks TLS itself. 0: its server speaks first, and what
 * the program says is an answer.
 */
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
