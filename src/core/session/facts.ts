import type { Program } from '../authz/program-rule.ts';
import { internetAddress } from '../engine/sockets.ts';
import type { TlsRole } from '../engine/types.ts';
import type { StartTlsRequest } from './start-tls-request.ts';

/** What is known of a session from its request on, for the log and for `sessions list`. */
export interface SessionFacts {
  /** Names the session to people; not the ctlkey, which is a secret. */
  readonly id: string;
  readonly role: TlsRole;
  readonly service: string;
  /** The other side's address; '' if it has none that can be told. */
  readonly peerAddress: string;
  /** Epoch ms. */
  readonly openedAt: number;
  /** The process that is judged: the one that asks, or the one that it asks for; whoever took the session over since. */
  program: Program;
  /** The process that asks. Who shows no local identity acts as nobody: then it is this one that must be allowed to ask. */
  asking?: Program | undefined;
}

export function factsOf(
  id: string,
  request: StartTlsRequest,
  fd: number,
  program: Program,
  asking: Program,
): SessionFacts {
  return {
    id,
    role: request.role,
    service: request.service,
    peerAddress: request.clientAddress ?? internetAddress(fd, 'remote'),
    openedAt: Date.now(),
    program,
    asking,
  };
}
