import type { TlsRole } from '../engine/types.ts';
import { UsageError } from '../errors.ts';
import type { Protocol } from './dialog.ts';
import { clientDialog, parseProtocol, serverDialog } from './dialogs.ts';

/** How a connection comes to TLS. */
export interface StartTlsTerms {
  readonly protocol: Protocol;
  /** Whom an HTTP proxy is asked for, as HOST:PORT. */
  readonly destination: string | undefined;
  /** Servers: who does not ask for TLS is served in the clear. */
  readonly optional: boolean;
}

/** As flags or a file give them. */
export interface GivenStartTls {
  /** PROTOCOL, or http-connect=HOST:PORT. */
  readonly startTls?: string | undefined;
  readonly tlsOptional?: boolean;
}

/** @throws UsageError for what is no protocol, or cannot be done in it */
export function agreeStartTls(given: GivenStartTls, role: TlsRole): StartTlsTerms | undefined {
  if (given.startTls === undefined) return undefined;
  const [name = '', destination] = given.startTls.split('=', 2);
  const protocol = parseProtocol(name);
  const terms = { protocol, destination, optional: given.tlsOptional ?? false };
  if ((destination !== undefined) !== (protocol.name === 'http-connect' && role === 'client')) {
    throw new UsageError(
      'a client says whom the proxy is to connect it with, and nobody else does',
      'As in --starttls http-connect=www.example.com:443, with --client.',
    );
  }
  // What cannot be done is said now, not when the first connection comes.
  if (role === 'server') serverDialog(protocol, terms);
  else if (terms.optional) {
    throw new UsageError(
      'a client never goes on without TLS: --unsafe-tls-optional is for servers',
    );
  } else clientDialog(protocol, { ownName: '', destination });
  return terms;
}
