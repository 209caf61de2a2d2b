import type { WaitingSession } from '../seats/waiting-session.ts';
import type { SessionFacts } from '../session/facts.ts';
import type { Session } from '../session/session.ts';
import type { Sessions } from './sessions.ts';
import { userName } from './user-name.ts';

/** @param engineIds the engine's numbers for sessions */
export function waitingSessions(
  sessions: Pick<Sessions, 'byEngineId'>,
  engineIds: readonly number[],
): WaitingSession[] {
  return sessions.byEngineId(engineIds).map(({ facts, parties }) => viewFacts(facts, parties));
}

export function viewFacts(
  { id, role, program, service, peerAddress }: SessionFacts,
  { localId, remoteId }: Session['parties'],
): WaitingSession {
  return {
    session: id,
    role,
    program: { ...program, user: userName(program.uid) },
    service,
    localId,
    remoteId,
    peer: peerAddress,
  };
}
