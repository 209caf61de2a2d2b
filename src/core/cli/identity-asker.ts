import {
  type ChoiceQuestion,
  explainChoice,
  type IdentityAsker,
  orderedCandidates,
} from '../seats/choice-question.ts';
import { harmless } from '../seats/harmless.ts';
import type { Choice, Prompts } from './prompts.ts';

/** Has the person at the terminal choose. */
export function identityAsker(prompts: Prompts): IdentityAsker {
  return async (question, signal) => {
    prompts.note(['', ...explainChoice(question)].join('\n'));
    try {
      const localId = await prompts.search(
        `Who are we to ${harmless(question.remoteId)}? (type to search)`,
        '--auto',
        identities(question),
        signal,
      );
      if (localId === '') return { localId, remember: undefined };
      const remember = await prompts.select(
        `Show ${localId} from now on, without asking?`,
        '--auto',
        scopes(question),
        signal,
      );
      return { localId, remember: remember === '' ? undefined : remember };
    } catch (error) {
      if (signal.aborted) return { localId: '', remember: undefined };
      throw error;
    }
  };
}

function identities(question: ChoiceQuestion): Choice<string>[] {
  const { suggestion } = question;
  return [
    ...orderedCandidates(question).map((name) => ({
      name: name === suggestion ? `${name} (suggested)` : name,
      value: name,
    })),
    { name: 'nobody: show nothing', value: '' },
  ];
}

function scopes({ steps }: ChoiceQuestion): Choice<string>[] {
  return [
    { name: 'no, this time only', value: '' },
    ...steps.map((step) => ({ name: `to ${described(step)}`, value: step })),
  ];
}

/** A selector in words: which users, of which domains. */
function described(step: string): string {
  const at = step.lastIndexOf('@');
  const domain = step.slice(at + 1);
  if (at < 0 && !domain.startsWith('.')) return step;
  const who = at < 0 ? 'every server' : at === 0 ? 'every user' : step.slice(0, at);
  return `${who} ${whereOf(domain)} (${step})`;
}

function whereOf(domain: string): string {
  if (domain === '.') return 'anywhere';
  return domain.startsWith('.') ? `below ${domain.slice(1)}` : `of ${domain}`;
}
