import type { DisclosureEntry } from '../identity/disclosure.ts';
import { type Donai, formatDonai, parseDonai } from '../identity/donai.ts';
import { DonaiError } from '../identity/donai-error.ts';
import { formatSelector, parseSelector, type Selector, walk } from '../identity/selector.ts';
import { LONGEST_TIMER } from '../longest-timer.ts';
import { PoolError } from '../protocol/errors.ts';
import { lidEntryFlags, REGISTRATION_MASK } from '../protocol/lid-entry.ts';
import type { LidEntry, Message } from '../protocol/message.ts';
import type { WaitingSession } from '../seats/waiting-session.ts';
import type { ChoiceQuestion, Chooser, PersonsChoice, Remembered } from '../session/chooser.ts';
import type { Requester } from '../session/requester.ts';
import { type Holder, Seat } from './seat.ts';
import { viewFacts } from './waiting-session.ts';

/** A choice that a person is to make, in full. */
export interface ChoiceView {
  readonly session: WaitingSession;
  readonly remoteId: string;
  /** Who would be shown without asking; '' if nobody. */
  readonly suggestion: string;
  /** The remote and what is ever more general: a choice may be kept for any of them. */
  readonly steps: readonly string[];
  /** What is disclosed already, the most specific first. */
  readonly entries: readonly { readonly remote: string; readonly locals: readonly string[] }[];
  /** Local identities with credentials for clients. */
  readonly candidates: readonly string[];
  /** Whether the program in the seat was asked. */
  readonly asked: boolean;
}

interface Pending {
  readonly question: ChoiceQuestion;
  /** undefined: as if nobody were there. */
  readonly decide: (choice: PersonsChoice | undefined) => void;
  asked: boolean;
  over: boolean;
}

interface Registration {
  readonly flags: number;
  /** s, as it was said. */
  readonly timeout: number;
  /** ms. */
  readonly patience: number;
}

/** s for a program that does not say how long it may take. */
const PATIENCE = 60;
/** Entries that a program is told of at most, ahead of an inquiry. */
const MOST_ENTRIES = 64;

/** Has people choose who a client shows itself as, through the program that sits in the seat. One choice at a time. */
export class IdentitySeat implements Chooser {
  readonly #seat = new Seat('LIDENTRY_NOT_VACANT', 'lidEntryCallback');
  readonly #names: () => readonly string[];
  #registration: Registration = { flags: 0, timeout: 0, patience: 0 };
  #pending: Pending[] = [];

  /** @param names local identities with credentials for clients */
  constructor(names: () => readonly string[]) {
    this.#names = names;
  }

  get holder(): Holder | undefined {
    return this.#seat.holder;
  }

  /** @throws PoolError LIDENTRY_NOT_VACANT */
  register(connection: Requester, requestId: number, { flags, timeout }: LidEntry): void {
    const patience = Math.min((timeout === 0 ? PATIENCE : timeout) * 1_000, LONGEST_TIMER);
    this.#seat.offer(connection, requestId, patience);
    this.#registration = { flags, timeout, patience };
    this.#next();
  }

  /** False if it was not the holder's request. */
  withdraw(connection: Requester, requestId: number): boolean {
    const held = this.#seat.withdraw(connection, requestId);
    if (held) this.#nobodyIsThere();
    return held;
  }

  disconnected(connection: Requester): void {
    if (this.#seat.disconnected(connection)) this.#nobodyIsThere();
  }

  wants(entry: DisclosureEntry | undefined): boolean {
    if (!this.#isAttended) return false;
    return entry === undefined || !isUsedSilently(entry, this.#registration.flags);
  }

  choose(question: ChoiceQuestion, signal: AbortSignal): Promise<PersonsChoice | undefined> {
    const { promise, resolve } = Promise.withResolvers<PersonsChoice | undefined>();
    const pending: Pending = {
      question,
      decide: (choice) => {
        pending.over = true;
        this.#pending = this.#pending.filter((each) => each !== pending);
        resolve(choice);
      },
      asked: false,
      over: false,
    };
    signal.addEventListener('abort', () => pending.decide(undefined), { once: true });
    this.#pending.push(pending);
    if (this.#isAttended) this.#next();
    else pending.decide(undefined);
    return promise;
  }

  /** What is to be chosen, in the order in which it is asked. */
  view(): ChoiceView[] {
    const candidates = this.#pending.length === 0 ? [] : this.#names();
    return this.#pending.map(({ question, asked }) => ({
      session: viewFacts(question.facts, {
        localId: question.suggestion === undefined ? '' : formatDonai(question.suggestion),
        remoteId: formatDonai(question.remoteId),
      }),
      remoteId: formatDonai(question.remoteId),
      suggestion: question.suggestion === undefined ? '' : formatDonai(question.suggestion),
      steps: walk(question.remoteId).map(formatSelector),
      entries: question.entries.map(({ remote, locals }) => ({
        remote: formatSelector(remote),
        locals: locals.map(formatDonai),
      })),
      candidates,
      asked,
    }));
  }

  /** Whether somebody sits there who answers. */
  get #isAttended(): boolean {
    return this.#seat.holder !== undefined && !this.#seat.isOverdue;
  }

  #next(): void {
    if (!this.#seat.isFree) return;
    const [pending] = this.#pending;
    if (pending === undefined) return;
    pending.asked = true;
    // Whoever does not answer in time is as good as not there, also for those that wait for their turn.
    const late = setTimeout(() => this.#nobodyIsThere(), this.#registration.patience).unref();
    this.#seat.call(this.#messages(pending.question), {
      answered: (message) => {
        clearTimeout(late);
        if (!pending.over) pending.decide(readAnswer(message as LidEntry, pending.question));
        this.#next();
      },
      lost: () => {
        clearTimeout(late);
        pending.decide(undefined);
        if (this.#seat.holder === undefined) this.#nobodyIsThere();
      },
    });
  }

  #messages({ remoteId, entries, suggestion }: ChoiceQuestion): Message[] {
    const { flags, timeout } = this.#registration;
    const echoed = flags & REGISTRATION_MASK;
    const shared = { command: 'lidEntryCallback', timeout } as const;
    const told = entries.flatMap(({ remote, level, locals }) =>
      locals.map((local) => ({
        ...shared,
        flags: echoed | lidEntryFlags.entry,
        maxLevels: level,
        localId: formatDonai(local),
        remoteId: formatSelector(remote),
      })),
    );
    return [
      ...((flags & lidEntryFlags.wantEntries) === 0 ? [] : told.slice(0, MOST_ENTRIES)),
      {
        ...shared,
        flags: echoed,
        maxLevels: walk(remoteId).length - 1,
        localId: suggestion === undefined ? '' : formatDonai(suggestion),
        remoteId: formatDonai(remoteId),
      },
    ];
  }

  #nobodyIsThere(): void {
    for (const { decide } of [...this.#pending]) decide(undefined);
  }
}

/** Whether the registration says that the entry needs no question. */
export function isUsedSilently({ remote, level }: DisclosureEntry, flags: number): boolean {
  const has = (flag: number) => (flags & flag) !== 0;
  if (!has(lidEntryFlags.skipEntry)) return false;
  // The walk of a user has two steps for each label that it drops.
  const dropped = remote.user === undefined ? level : Math.floor(level / 2);
  const { skipDomainSame, skipDomainOneUp, skipUser, skipNotRoot } = lidEntryFlags;
  const near = (has(skipDomainSame) && dropped === 0) || (has(skipDomainOneUp) && dropped === 1);
  if (has(skipDomainSame | skipDomainOneUp) && !near) return false;
  if (has(skipUser) && remote.user === '') return false;
  return !(has(skipNotRoot) && remote.domain === '.');
}

/** @throws PoolError COMMAND_BAD_CALLBACK_RESPONSE */
function readAnswer(answer: LidEntry, question: ChoiceQuestion): PersonsChoice {
  const has = (flag: number) => (answer.flags & flag) !== 0;
  const wait = has(lidEntryFlags.isNew);
  const onTheFly = has(lidEntryFlags.onTheFly);
  const remote = readRemote(answer, question.remoteId);
  if (answer.localId === '') return { localId: undefined, wait, onTheFly, remember: undefined };
  const localId = readLocal(answer.localId);
  return { localId, wait, onTheFly, remember: remembered(answer.flags, remote, localId) };
}

function remembered(flags: number, remote: Selector, local: Donai): Remembered | undefined {
  const { insert, append, reorder } = lidEntryFlags;
  if ((flags & (insert | append | reorder)) === 0) return undefined;
  const place = (flags & append) !== 0 && (flags & insert) === 0 ? 'last' : 'first';
  return { remote, local, place, move: (flags & reorder) !== 0 };
}

/** The remote itself, or a step of its walk. */
function readRemote({ remoteId }: LidEntry, concrete: Donai): Selector {
  if (remoteId === '') return concrete;
  const said = formatSelector(parsed('remoteid', () => parseSelector(remoteId)));
  const step = walk(concrete).find((each) => formatSelector(each) === said);
  if (step !== undefined) return step;
  throw badAnswer(`${said} is neither ${formatDonai(concrete)} nor more general`);
}

function readLocal(text: string): Donai {
  return parsed('localid', () => parseDonai(text));
}

function parsed<Id>(field: string, parse: () => Id): Id {
  try {
    return parse();
  } catch (error) {
    if (error instanceof DonaiError) throw badAnswer(`${field}: ${error.message}`);
    throw error;
  }
}

function badAnswer(message: string): PoolError {
  return new PoolError('COMMAND_BAD_CALLBACK_RESPONSE', message);
}
