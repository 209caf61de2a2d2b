import type { PeerDemand } from '../engine/types.ts';
import type { Believed } from '../trust/believed.ts';
import type { AcceptedRemote } from '../trust/remote-question.ts';
import type { Remembered } from './chooser.ts';
import type { Myself } from './local-identity.ts';
import type { PeerFacts } from './remote-validation.ts';
import type { Callback } from './requester.ts';
import type { StartTlsRequest } from './start-tls-request.ts';

/** The engine does a handshake, and asks. */
export interface Negotiating {
  readonly is: 'negotiating';
  readonly request: StartTlsRequest;
  /** Who we are, once that is known. */
  myself: Myself | undefined;
  serverName: string | undefined;
  /** Whether the other side must, may or need not show who it is, by the program and by rules. */
  demand: PeerDemand;
  domainRepresented: boolean;
  /** What the other side showed in this very handshake. */
  peer: PeerFacts | undefined;
  /** What came out of validating that. */
  believed: Believed | undefined;
  /** Keeps what was accepted at its first use, if all goes well. */
  firstUse: AcceptedRemote['remember'];
  /** Ends when nobody waits for a verdict any more. */
  readonly patience: AbortController;
  /** Came with the answer to a proposal. */
  plainFd: number | undefined;
  callback: Callback | undefined;
  /** Clients: who may be proposed to the application next. */
  offers: readonly Myself[];
  /** What a person chose, to be kept if all goes well. */
  remember: Remembered | undefined;
}

/** What is known when the other side is first heard. */
export function beginNegotiating({
  request,
  myself,
  serverName,
  demand,
}: Pick<Negotiating, 'request' | 'myself' | 'serverName' | 'demand'>): Negotiating {
  return {
    is: 'negotiating',
    request,
    myself,
    serverName,
    demand,
    domainRepresented: false,
    peer: undefined,
    believed: undefined,
    firstUse: undefined,
    patience: new AbortController(),
    plainFd: undefined,
    callback: undefined,
    offers: [],
    remember: undefined,
  };
}
