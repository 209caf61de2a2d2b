import { lidEntryFlags } from '../core/protocol/lid-entry.ts';
import type { LidEntry } from '../core/protocol/message.ts';
import type {
  ChoiceQuestion,
  IdentityAsker,
  IdentityChoice,
} from '../core/seats/choice-question.ts';
import { choices } from './administration.ts';
import { connect } from './connect.ts';

export interface IdentitySeatOptions {
  /** The pool's socket, as for `connect`. */
  readonly socket: string;
  /** Which entries of the disclosure list are used without asking: flags of a registration. */
  readonly silently: number;
  /** What it throws withdraws the offer. */
  readonly ask: IdentityAsker;
  /** Withdraws the offer. */
  readonly signal: AbortSignal;
}

/** The seat of LIDENTRY, while it is ours. */
export interface IdentitySeat {
  /** Resolves when the offer was withdrawn; rejects with what the pool refuses, or with what `ask` threw. */
  readonly ended: Promise<void>;
}

/** s that a person may take before another program may have the seat. */
const PATIENCE = 600;

/** Takes the seat: from now on `ask` chooses identities. @throws TlspoolError `no-daemon` (exit code 3) */
export async function takeIdentitySeat(options: IdentitySeatOptions): Promise<IdentitySeat> {
  const { socket, silently, ask, signal } = options;
  const pool = await connect({ socket, signal });
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const offer = pool.offer(lidEntry('lidEntryRegister', silently), (inquiry, answer) => {
    if (inquiry.command !== 'lidEntryCallback') return;
    const { flags, remoteId } = inquiry as LidEntry;
    if ((flags & lidEntryFlags.entry) !== 0) return;
    inFull(socket)
      .then((question) => ask(question, signal))
      .then((choice) => answer(answerWith(choice, remoteId)))
      .catch((error: unknown) => {
        offer.withdraw();
        failed.reject(error);
      });
  });
  const giveBack = () => offer.withdraw();
  signal.addEventListener('abort', giveBack, { once: true });
  if (signal.aborted) giveBack();
  const ended = Promise.race([offer.ended, failed.promise]).finally(() => {
    signal.removeEventListener('abort', giveBack);
    pool.close();
  });
  ended.catch(() => undefined);
  // The pool serves a connection's requests in order: then the offer was taken or refused.
  await pool.ping().catch(() => undefined);
  return { ended };
}

/** What is to be chosen, with all that a person must see. */
async function inFull(socket: string): Promise<ChoiceQuestion> {
  const { needed } = await choices({ socket, own: true });
  const [view] = needed;
  return (
    view ?? {
      remoteId: '',
      suggestion: '',
      steps: [],
      entries: [],
      candidates: [],
      session: undefined,
    }
  );
}

function answerWith({ localId, remember }: IdentityChoice, remoteId: string): LidEntry {
  const { insert, reorder } = lidEntryFlags;
  return {
    ...lidEntry('lidEntryCallback', remember === undefined ? 0 : insert | reorder),
    localId,
    remoteId: remember ?? remoteId,
  };
}

function lidEntry(command: LidEntry['command'], flags: number): LidEntry {
  return { command, flags, maxLevels: 0, timeout: PATIENCE, localId: '', remoteId: '' };
}
