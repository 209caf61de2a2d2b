import type { DisclosureEntry } from '../identity/disclosure.ts';
import type { Donai } from '../identity/donai.ts';
import type { Selector } from '../identity/selector.ts';
import type { Place } from '../identity/stored-disclosure.ts';
import type { SessionFacts } from './facts.ts';

/** A server asks who we are. */
export interface ChoiceQuestion {
  readonly remoteId: Donai;
  /** What disclosure says about the remote, the most specific first. */
  readonly entries: readonly DisclosureEntry[];
  /** Who would be shown without asking, or who the application says it is. */
  readonly suggestion: Donai | undefined;
  readonly facts: SessionFacts;
}

/** What a person chose. */
export interface PersonsChoice {
  /** undefined: nothing is shown. */
  readonly localId: Donai | undefined;
  /** The identity may not be there yet: it is being made. */
  readonly wait: boolean;
  /** It is to be made on the fly. */
  readonly onTheFly: boolean;
  /** What is written into the disclosure list, if the handshake succeeds. */
  readonly remember: Remembered | undefined;
}

/** A choice that is to be kept. */
export interface Remembered {
  readonly remote: Selector;
  readonly local: Donai;
  readonly place: Place;
  readonly move: boolean;
}

/** Asks people who a client shows itself as: the seat of LIDENTRY. */
export interface Chooser {
  /** Whether someone is there, and wants to be asked where that entry counts. */
  wants(entry: DisclosureEntry | undefined): boolean;
  /** undefined: nobody is there any more. */
  choose(question: ChoiceQuestion, signal: AbortSignal): Promise<PersonsChoice | undefined>;
}
