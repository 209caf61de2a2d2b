import type { PeerDemand } from '../engine/types.ts';
import type { TlspoolError } from '../errors.ts';
import type { Believed } from '../trust/believed.ts';
import type { AcceptedRemote } from '../trust/remote-question.ts';
import type { Agreed } from './agreed.ts';
import type { Remembered } from './chooser.ts';
import type { Myself } from './local-identity.ts';
import type { PeerFacts } from './remote-validation.ts';
import type { Renewal } from './renewal.ts';
import type { Callback } from './requester.ts';
import type { StartTlsRequest } from './start-tls-request.ts';

/** Where a session stands. The program's request is open in the first three; it is forgotten once it is answered. */
export type Phase =
  /** Nothing is decided; the ciphertext socket is still ours. */
  | { readonly is: 'preparing'; readonly request: StartTlsRequest; readonly fd: number }
  /** The engine does the handshake, and asks. */
  | {
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
  /** Both sides know each other; the program is asked for its plaintext socket. */
  | {
      readonly is: 'connecting';
      readonly request: StartTlsRequest;
      readonly agreed: Agreed;
      readonly myself: Myself | undefined;
      readonly callback: Callback;
    }
  /** Data flows. */
  | {
      readonly is: 'running';
      agreed: Agreed;
      readonly myself: Myself | undefined;
      readonly shownAs: string;
      /** The other side is being asked anew who it is. */
      renewal: Renewal | undefined;
    }
  /** It came to nothing; the program was told, the engine tidies up. */
  | { readonly is: 'failed'; readonly error: TlspoolError }
  | { readonly is: 'over' };

export type Negotiating = Extract<Phase, { is: 'negotiating' }>;

/** The program waits for an answer. */
export type OpenPhase = Extract<Phase, { readonly request: StartTlsRequest }>;

export function isOpen(phase: Phase): phase is OpenPhase {
  return phase.is === 'preparing' || phase.is === 'negotiating' || phase.is === 'connecting';
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
