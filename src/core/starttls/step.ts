/**
 * A dialog is what is said in the clear before TLS, on behalf of a program that knows nothing of TLS. It is a pure
 * state machine, written as a generator: it takes bytes from and has bytes for two sides, and yields what it waits for.
 * `machine.ts` runs one, `pass.ts` does so on descriptors.
 */
export type Step =
  /** More bytes of one of the sides. `look`: they are not to be consumed. */
  | { readonly wait: 'bytes'; readonly sides: readonly Side[]; readonly look?: boolean }
  /** A connection to the program; one that there was before is closed. */
  | { readonly wait: 'program' }
  /** The handshake, and everything that is checked about the peer. */
  | ({ readonly wait: 'tls' } & TlsTerms)
  /** From here on `peer` is what comes out of TLS, and what goes into it. */
  | { readonly wait: 'inside' }
  /** A place where `by` can connect to, in order to reach `port` of the other side: FTP's data connections. */
  | { readonly wait: 'data'; readonly by: Side; readonly port: number }
  /** Whether the peer may go on in the clear, as nobody. */
  | { readonly wait: 'clear' }
  /** The program is about to hear that it is to listen for a data connection, or has answered that. */
  | { readonly wait: 'data-asked' | 'data-answered' }
  /** TLS is to begin on the data connection that was asked for last. */
  | { readonly wait: 'data-begin' };

/** What tells of a data connection that was asked for. */
export type DataStep = Step & { readonly wait: 'data-asked' | 'data-answered' | 'data-begin' };

export function isOfData(step: { readonly wait: string }): step is DataStep {
  return step.wait.startsWith('data-');
}

export interface TlsTerms {
  /** Must have been agreed on. */
  readonly requireAlpn?: string;
  /** The session is resumed from no other, and by its data connections alone. */
  readonly bindsData?: boolean;
}

/** `peer` is whom TLS is to be spoken with, `program` whoever knows nothing of it. */
export type Side = 'peer' | 'program';

/** Part of a dialog, with what comes of it. */
export type Talking<Result> = Generator<Step, Result, undefined>;
