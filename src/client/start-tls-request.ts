import type { TlsRole } from '../core/engine/types.ts';
import type { ClaimedProcess, SessionDetails } from '../core/protocol/extension.ts';
import type { StartTlsFlag } from '../core/protocol/flags.ts';

/** The flags that a program sets by name; roles come from `role`, `localIdCheck` from `chooseLocalId`. */
export type StartTlsFlags = {
  readonly [Name in Exclude<
    StartTlsFlag,
    'localRoleClient' | 'localRoleServer' | 'remoteRoleClient' | 'remoteRoleServer' | 'localIdCheck'
  >]?: boolean;
};

export interface Identities {
  readonly localId: string;
  readonly remoteId: string;
}

export interface StartTlsRequest {
  /** The connection to the other side; taken over, whatever happens. With the flag `dtls` a connected UDP socket. */
  readonly fd: number;
  readonly role: TlsRole;
  /** Who we are. Servers without it let SNI choose. */
  readonly localId?: string | undefined;
  /** Servers: the identities (or selectors) meant for this listener, among which SNI chooses. */
  readonly localIds?: readonly string[] | undefined;
  /** Whom we talk to; clients must say. */
  readonly remoteId?: string | undefined;
  /** IANA service name. */
  readonly service?: string | undefined;
  readonly flags?: StartTlsFlags | undefined;
  /** ms until the session is set up; Infinity for ever, 30 s or as the pool is configured if absent. */
  readonly timeout?: number | undefined;
  /** Protocols in order of preference (RFC 7301). */
  readonly alpn?: readonly string[] | undefined;
  /** Whom a server talks to, where `fd` does not tell. */
  readonly clientAddress?: string | undefined;
  /**
   * Servers of DTLS that have met the client: the datagram, read from `fd` already, whose ClientHello has shown a cookie
   * of theirs. The pool begins with it; without it, it asks the client for a cookie of its own.
   */
  readonly hello?: Buffer | undefined;
  /** For which process it is asked; it descends from this one, and is judged in its place. */
  readonly process?: ClaimedProcess | undefined;
  /**
   * It is resumed only from sessions that were asked for with the same, and so is what is resumed from it: connections
   * that belong together, and to nobody who does not know it. ≤ 255 bytes.
   */
  readonly resumptionScope?: string | undefined;
  /**
   * Gives the plaintext socket when both sides are known to each other; it is taken over. With the flag `dtls` it keeps
   * the boundaries of messages: one of a pair of SOCK_SEQPACKET, or of SOCK_DGRAM, or a connected UDP socket. `details`:
   * what the handshake agreed on, from a pool that tells.
   */
  readonly plain: (who: Identities, details?: SessionDetails) => number | Promise<number>;
  /** Asked which identity to show; undefined refuses. */
  readonly chooseLocalId?:
    | ((proposal: Identities) => string | undefined | Promise<string | undefined>)
    | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is asked about a session that runs. */
export interface RenewalRequest {
  /** Who we are from now on (TLS 1.2); as before if absent. */
  readonly localId?: string | undefined;
  /** Servers: whom alone we talk to. */
  readonly remoteId?: string | undefined;
  /** `ignoreRemoteId` changes keys only. */
  readonly flags?:
    | Pick<
        StartTlsFlags,
        'requestRemoteId' | 'ignoreRemoteId' | 'domainRepresentsUser' | 'ignoreCaches'
      >
    | undefined;
  /** ms for the other side's answer, as of `StartTlsRequest`. */
  readonly timeout?: number | undefined;
  /** As of `StartTlsRequest`; with TLS 1.3 it can only agree. */
  readonly chooseLocalId?: StartTlsRequest['chooseLocalId'];
}
