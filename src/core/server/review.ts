import { denialText } from '../authz/words.ts';
import { formatDonai } from '../identity/donai.ts';
import type { Authoriser } from '../session/admission.ts';
import type { Session } from '../session/session.ts';

/** An open session that would not be allowed if it began now. */
export interface ReviewedSession {
  readonly session: string;
  readonly remote: string;
  readonly local: string;
  readonly service: string;
  readonly peer: string;
  /** Reason code, and the reason in words. */
  readonly reason: string;
}

/**
 * Asks anew what was asked when the session began, also if its program has yet to take it. undefined: it is still
 * allowed, or not decided yet.
 */
export function reviewSession(
  authorisation: Authoriser,
  session: Session,
): ReviewedSession | undefined {
  const { agreed } = session;
  if (agreed === undefined) return undefined;
  const reason = remoteReason(authorisation, session) ?? programReason(authorisation, session);
  if (reason === undefined) return undefined;
  const { id, service, peerAddress } = session.facts;
  const { localId, remoteId } = agreed;
  const remote = remoteId || 'anonymous';
  return { session: id, remote, local: localId, service, peer: peerAddress, reason };
}

function remoteReason(authorisation: Authoriser, { agreed }: Session): string | undefined {
  const { admitted } = agreed ?? {};
  if (admitted === undefined || authorisation.monitors) return undefined;
  const question = { ...admitted.question, at: Date.now() };
  const decision = authorisation.decide(question);
  return decision.allowed ? undefined : `${decision.reason}: ${denialText(decision, question)}`;
}

/** Also where the other side did not ask who we are: what the program acts as was judged all the same. */
function programReason(authorisation: Authoriser, session: Session): string | undefined {
  const { actsAs: localId, facts } = session;
  const { role, asking = facts.program } = facts;
  const program = localId === undefined ? asking : facts.program;
  const { allowed, reason } = authorisation.mayAct({ program, localId, role, at: Date.now() });
  if (allowed) return undefined;
  const what = localId === undefined ? 'speak TLS' : `act as ${formatDonai(localId)}`;
  return `${reason}: user ${program.uid} may not ${what}`;
}
