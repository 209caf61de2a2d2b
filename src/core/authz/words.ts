import { formatDonai } from '../identity/donai.ts';
import type { Decision } from './decision.ts';
import type { Question, Remote } from './question.ts';
import { describeRule } from './rule.ts';

/** Why not, for people and programs: who, what, and the rule behind it. */
export function denialText(decision: Decision, question: Question): string {
  const { localId, service } = question;
  const what = `${formatDonai(localId)}${service === '' ? '' : ` for ${service}`}`;
  return `${remoteWords(question.remote)} may not use ${what}: ${reasonWords(decision, question)}`;
}

export function remoteWords({ id, names }: Remote): string {
  if (id !== undefined) return formatDonai(id);
  if (names.length === 0) return 'a client without a certificate';
  return `a client with an unproven certificate for ${names.map(formatDonai).join(', ')}`;
}

/** The reason in a sentence without its subject. */
export function reasonWords({ reason, rule, gap }: Decision, question: Question): string {
  const named = rule === undefined ? '' : `rule ${rule.name}`;
  const { localId, service } = question;
  const to = rule === undefined ? '' : ` (${describeRule(rule)})`;
  switch (reason) {
    case 'allowed-by-rule':
      return `${named} lets it in${to}`;
    case 'open':
      return `${formatDonai(localId)} is open, no rule closes it`;
    case 'pool-user':
      return 'root and the user of the pool may act as anybody';
    case 'denied-by-rule':
      return `${named} denies it${to}`;
    case 'no-rule':
      return `it is closed, and no rule lets this client in${service === '' ? '' : ` for ${service}`}`;
    case 'anonymous':
      return 'it is closed, and no rule lets in clients that show no certificate';
    case 'not-validated':
      return rule === undefined
        ? 'it is closed, and the certificate does not prove who that is'
        : `${named} asks for another validation (${rule.when.validatedBy.join(' or ')})`;
    case 'stale':
    case 'unknown-group': {
      const verb =
        rule?.effect === 'deny'
          ? 'denies it unless it is certain that it is no member'
          : 'would let in members';
      return `${named} ${verb}, but ${gap?.text ?? 'its group is not known'}`;
    }
    case 'expired':
      return `${named} let it in until ${rule?.when.expires === undefined ? '' : new Date(rule.when.expires).toISOString()}`;
    case 'outside-hours':
      return `${named} lets it in at other times only (${rule?.when.hours?.text ?? ''})`;
    case 'address':
      return `${named} lets it in from other addresses only (${rule?.when.from.map(({ text }) => text).join(', ') ?? ''})`;
    case 'address-unknown':
      return `${named} is for some addresses only, and the client's is not known`;
  }
}
