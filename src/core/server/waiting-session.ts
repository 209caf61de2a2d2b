import type { WaitingSession } from '../seats/waiting-session.ts';
import type { Session } from '../session/session.ts';
import type { Sessions } from './sessions.ts';
import { userName } from './user-name.ts';

/** @param engineIds the engine's numbers for sessions */
export function waitingSessions(
  sessions: Pick<Sessions, 'byEngineId'>,
  engineIds: readonly number[],
): WaitingSession[] {
  return sessions.byEngineId(engineIds).map(viewWaiting);
}

function viewWaiting({ facts, parties }: Pick<Session, 'facts' | 'parties'>): WaitingSession {
  const { id, role, program, service, peerAddress } = facts;
  return {
    session: id,
    role,
    program: { ...program, user: userName(program.uid) },
    service,
    localId: parties.localId,
    remoteId: parties.remoteId,
    peer: peerAddress,
  };
}
