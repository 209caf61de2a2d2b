import { harmless } from './harmless.ts';
import type { WaitingSession } from './waiting-session.ts';

/** A server asks who we are, and a person (or what stands for one) is to say. Names are canonical. */
export interface ChoiceQuestion {
  readonly remoteId: string;
  /** Who would be shown without asking; '' if nobody. */
  readonly suggestion: string;
  /** The remote and what is ever more general: a choice may be kept for any of them. */
  readonly steps: readonly string[];
  /** What is disclosed already, the most specific first. */
  readonly entries: readonly { readonly remote: string; readonly locals: readonly string[] }[];
  /** Local identities that can be shown. */
  readonly candidates: readonly string[];
  /** undefined: not known. */
  readonly session: WaitingSession | undefined;
}

export interface IdentityChoice {
  /** '' shows nothing. */
  readonly localId: string;
  /** The step of the remote that it is kept for, at the head of its list; undefined: it is not kept. */
  readonly remember: string | undefined;
}

export type IdentityAsker = (
  question: ChoiceQuestion,
  signal: AbortSignal,
) => Promise<IdentityChoice>;

/** Who wants to know, and for whom: lines of `what: value`. */
export function explainChoice({ session, remoteId, entries }: ChoiceQuestion): string[] {
  const lines: string[] = [];
  if (session === undefined) lines.push(`Talks to:  ${harmless(remoteId)}`);
  else {
    const { program, service, peer } = session;
    const executable = harmless(program.executable) || 'unknown';
    const other = [remoteId, peer].filter((part) => part !== '').map(harmless);
    const forService = service === '' ? '' : `, service ${harmless(service)}`;
    lines.push(
      `Program:   ${executable} (process ${program.pid}) of user ${harmless(program.user)}`,
      `Talks to:  ${other.join(', ')}${forService}`,
    );
  }
  for (const { remote, locals } of entries)
    lines.push(`Disclosed: ${locals.join(', ')} to ${remote}`);
  return lines;
}

/** What can be chosen, the suggestion and what is disclosed already first. */
export function orderedCandidates(question: ChoiceQuestion): string[] {
  const { suggestion, entries, candidates } = question;
  const known = new Set(candidates);
  const preferred = [suggestion, ...entries.flatMap(({ locals }) => locals)];
  return [...new Set([...preferred.filter((name) => known.has(name)), ...candidates])];
}
