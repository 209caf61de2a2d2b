import { lidEntryFlags } from '../core/protocol/lid-entry.ts';
import type { LidEntry } from '../core/protocol/message.ts';
import type {
  ChoiceQuestion,
  IdentityAsker,
  IdentityChoice,
} from '../core/seats/choice-question.ts';
import { choices } from './administration.ts';
import { connect } from './connect.ts';
import { holdSeat, type Seat } from './hold-seat.ts';

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

/** s that a person may take before another program may have the seat. */
const PATIENCE = 600;

/** Takes the seat: from now on `ask` chooses identities. @throws TlspoolError `no-daemon` (exit code 3) */
export async function takeIdentitySeat(options: IdentitySeatOptions): Promise<Seat> {
  const { socket, silently, ask, signal } = options;
  const pool = await connect({ socket, signal });
  return holdSeat(pool, {
    offer: lidEntry('lidEntryRegister', silently),
    ask: async (inquiry, patience) => {
      if (inquiry.command !== 'lidEntryCallback') return undefined;
      const { flags, remoteId } = inquiry;
      if ((flags & lidEntryFlags.entry) !== 0) return undefined;
      const choice = await ask(await inFull(socket), patience);
      return answerWith(choice, remoteId);
    },
    signal,
  });
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
