import type { TlspoolError } from '../errors.ts';
import type { Agreed } from './agreed.ts';
import type { LiveSession } from './live-session.ts';
import type { Myself } from './local-identity.ts';
import type { Negotiating } from './negotiating.ts';
import type { Callback } from './requester.ts';
import type { StartTlsRequest } from './start-tls-request.ts';

/** Where a session stands. The program's request is open in the first three. */
export type Phase =
  /** Nothing is decided; the ciphertext socket is still ours. */
  | { readonly is: 'preparing'; readonly request: StartTlsRequest; readonly fd: number }
  /** The engine does the handshake, and asks. */
  | Negotiating
  /** Both sides know each other; the program is asked for its plaintext socket. */
  | {
      readonly is: 'connecting';
      readonly request: StartTlsRequest;
      readonly agreed: Agreed;
      readonly myself: Myself | undefined;
      readonly callback: Callback;
    }
  /** Data flows. */
  | { readonly is: 'running'; readonly live: LiveSession; readonly shownAs: string }
  /** It came to nothing; the program was told, the engine tidies up. `localId`: who we were to be; '': not known. */
  | { readonly is: 'failed'; readonly error: TlspoolError; readonly localId: string }
  | { readonly is: 'over' };

/** The program waits for an answer. */
export type OpenPhase = Extract<Phase, { readonly request: StartTlsRequest }>;

export function isOpen(phase: Phase): phase is OpenPhase {
  return phase.is === 'preparing' || phase.is === 'negotiating' || phase.is === 'connecting';
}
