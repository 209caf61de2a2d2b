/**
 * What the brain and the muscle say to each other. The engine (src/native) does TLS, signing and copying
 * on its own threads; everything here is asked and answered on Node's main thread.
 */

/** Numbers that the addon gives to its live objects; meaningless elsewhere and never reused. */
export type SessionId = number;
export type KeyHandle = number;
export type CredentialHandle = number;
export type AnchorSetHandle = number;
export type CrlHandle = number;

export type TlsRole = 'server' | 'client';

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3' | 'DTLSv1.2';

/** Whether the other side is asked for a certificate. A client always asks and requires (TLS does). */
export type PeerDemand = 'ignore' | 'request' | 'require';

/** What we show to the other side. */
export interface LocalChoice {
  /** In order of preference; the first that the peer can use is shown. Empty: nothing (clients only). */
  readonly credentials: readonly CredentialHandle[];
  /** Server only: overrides OpenSession.peer, now that the identity is known. */
  readonly peer?: PeerDemand;
  /** See OpenSession.resumption; given here when it depends on the identity that was chosen. */
  readonly resumption?: Resumption;
}

/**
 * Resumption never crosses a context: a digest of everything that the verdict rests on (local id, remote
 * id, service, trust generation, our credential). A ticket of another context leads to a full handshake.
 */
export interface Resumption {
  /** 32 bytes. */
  readonly context: Buffer;
}

/** The ClientHello of a DTLS client that has shown a cookie to whoever had its socket before. */
export interface ShownHello {
  /** As it was read from the socket: one record. */
  readonly datagram: Buffer;
  readonly cookie: Buffer;
}

export interface OpenSession {
  /** A connected stream socket, or UDP socket. The engine owns it from here on, also when `open` throws. */
  readonly fd: number;
  /** DTLS 1.2 over UDP: never resumed, and the plaintext side is a socket of datagrams, too. */
  readonly datagrams?: boolean;
  /** DTLS servers: the handshake begins with this. Without it the client is asked for a cookie first. */
  readonly hello?: ShownHello | undefined;
  readonly role: TlsRole;
  /** ms from now until the plaintext fd is attached, parked time included; 0: no limit. */
  readonly handshakeTimeout: number;
  /** ms without a byte in either direction before an established session ends; 0: never. */
  readonly idleTimeout: number;
  /**
   * What to show, or 'ask': servers get a `hello` event for every handshake, clients a
   * `certificateRequested` event if the server asks for a certificate.
   */
  readonly local: LocalChoice | 'ask';
  /** Client: the server_name to send (A-labels, no trailing dot); undefined: none. */
  readonly serverName?: string | undefined;
  /** Protocols in order of preference; empty: ALPN takes no part. As server, no overlap is refused. */
  readonly alpn: readonly string[];
  /** Server: whether the client is asked for a certificate. */
  readonly peer: PeerDemand;
  /** Without it the session is neither resumed nor resumable. */
  readonly resumption?: Resumption | undefined;
  /** The plaintext side, when it is already there: no waiting after the handshake. */
  readonly plainFd?: number | undefined;
}

/** Server: the ClientHello is here; answer with `chooseLocal` or `refuse`. */
export interface HelloEvent {
  readonly type: 'hello';
  readonly session: SessionId;
  /** As sent, lower-cased; undefined if none or malformed. */
  readonly serverName: string | undefined;
  readonly alpn: readonly string[];
  /** IANA TLS SignatureScheme numbers that the peer accepts. */
  readonly signatureSchemes: readonly number[];
}

/**
 * Client: the server asks for a certificate, in the handshake or (TLS 1.3) at any time later, when it always comes;
 * answer with `chooseLocal` or `refuse`. What follows a later one is `established`.
 */
export interface CertificateRequestedEvent {
  readonly type: 'certificateRequested';
  readonly session: SessionId;
  readonly signatureSchemes: readonly number[];
  /** DER Names of the authorities that the server named. */
  readonly authorities: readonly Buffer[];
}

/** The peer showed a certificate (not sent on resumption); answer with `acceptPeer` or `refuse`. */
export interface VerifyPeerEvent {
  readonly type: 'verifyPeer';
  readonly session: SessionId;
  /** DER certificates, leaf first, as sent. */
  readonly chain: readonly Buffer[];
  /** The stapled OCSP response (DER), if one came. */
  readonly ocsp: Buffer | undefined;
  readonly version: TlsVersion;
  /** OpenSSL's name. */
  readonly cipher: string;
  /** Key exchange group; '' if there is none. */
  readonly group: string;
  /** The server name that went over the wire in clear. */
  readonly serverName: string | undefined;
  /** Servers: which of our credentials was shown; 0: none yet. */
  readonly credential: CredentialHandle;
}

/**
 * The handshake is complete, in both directions. Unless `plainFd` was given the session waits: answer with
 * `attach`, or `refuse`; after a renegotiation with `acceptPeer` or `refuse`.
 */
export interface EstablishedEvent {
  readonly type: 'established';
  readonly session: SessionId;
  readonly version: TlsVersion;
  /** OpenSSL's name, e.g. TLS_AES_256_GCM_SHA384. */
  readonly cipher: string;
  /** Key exchange group, e.g. X25519MLKEM768; '' if resumed without one. */
  readonly group: string;
  /** ALPN protocol chosen; '' if none. */
  readonly alpn: string;
  /** Which of our credentials was shown; 0: none. */
  readonly credential: CredentialHandle;
  readonly resumed: boolean;
  /** The name given with `acceptPeer`, now or (kept in the encrypted ticket) then; '' if nobody was validated. */
  readonly peerName: string;
}

export interface RenewSession {
  /** Servers: whether the client is asked for a certificate. */
  readonly peer: PeerDemand;
  /** Only TLS 1.2 lets us show somebody else; as in OpenSession. */
  readonly local: LocalChoice | 'ask';
  /** ms for all that the other side has to say; 0: no limit. */
  readonly timeout: number;
}

/** What came of renewing a session. */
export type Renewed =
  /** The client was asked who it is. */
  | 'asked'
  /** Keys were changed, and nobody was asked. */
  | 'rekeyed'
  /** TLS 1.2 is renegotiated: events come as in a first handshake. */
  | 'renegotiating'
  /** It is not established yet, about to end, or being renewed already. */
  | 'busy'
  /** The client did not say that it can be asked after the handshake (RFC 8446 section 4.2.6). */
  | 'unable'
  /** TLS 1.2 without renegotiation indication (RFC 5746) or extended master secret (RFC 7627). */
  | 'insecure';

/** Bytes and records of one session; `in` is from the TLS peer, `out` is towards it. */
export interface Counters {
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly recordsIn: number;
  readonly recordsOut: number;
  /** Datagrams that the program's socket, or the network's, did not take; 0 for streams. */
  readonly lostIn: number;
  readonly lostOut: number;
  /** ms since the session was opened. */
  readonly duration: number;
}

export type EndReason =
  /** Both directions ended properly (close_notify, and end of stream at the program). */
  | 'closed'
  /** The TLS peer's stream ended without close_notify. */
  | 'truncated'
  /** The TLS peer's connection was reset. */
  | 'peer-reset'
  /** The program closed or reset its end while data was still to be delivered to it. */
  | 'program-gone'
  | 'handshake-failed'
  | 'handshake-timeout'
  | 'idle-timeout'
  /** The brain refused: `refuse`. */
  | 'refused'
  /** The brain ended it: `close`. */
  | 'ended'
  /** The peer broke the TLS protocol, or a limit of ours, after the handshake. */
  | 'protocol-error';

/** Why TLS failed, in terms that an operator can act on. */
export interface EngineFailure {
  /** Which side refused first. */
  readonly side: 'local' | 'remote';
  /** OpenSSL's reason, e.g. "wrong version number", or our own. */
  readonly reason: string;
  readonly alert?:
    | { readonly direction: 'sent' | 'received'; readonly name: string; readonly code: number }
    | undefined;
  /** The PKCS #11 return value behind a failed signature. */
  readonly pkcs11?: { readonly value: number; readonly name: string } | undefined;
}

/** Always the last event of a session; both fds are closed by now. */
export interface ClosedEvent {
  readonly type: 'closed';
  readonly session: SessionId;
  readonly reason: EndReason;
  readonly failure: EngineFailure | undefined;
  readonly counters: Counters;
}

/** A token changed its state; see src/core/token. */
export interface TokenEvent {
  readonly type: 'token';
  /** The token's identity: as given to `createKey`, canonical `pkcs11:` URI of the token. */
  readonly token: string;
  readonly state: TokenState;
  /** PKCS #11 return value behind it, by name; '' if none. */
  readonly error: string;
}

export type TokenState =
  /** A signature waits for `login`. */
  | 'needs-pin'
  | 'ready'
  /** The PIN given was wrong: nothing is tried again until `login` is called anew. */
  | 'wrong-pin'
  | 'locked'
  | 'absent'
  | 'failing';

/** What the supervisor of a wrapped program asks and tells: src/core/wrap/supervisor/traps.ts has the kinds. */
export interface SupervisorEvent {
  readonly type: 'supervisor';
  readonly supervisor: number;
  readonly kind: string;
  /** To be answered. */
  readonly question?: number;
}

/** What becomes of connections that the program makes: src/core/wrap/client/departures.ts. */
export type DepartureEvent = {
  readonly type: 'departures';
  readonly departures: number;
} & (
  | ({
      readonly number: number;
      /** The program has its connection. */
      readonly met: boolean;
    } & (
      | {
          /** The pool has both sockets. */
          readonly kind: 'done';
          /** The program has said something before. */
          readonly spoke: boolean;
        }
      /** This end is on its way to the program's socket, which is not to be seen yet. */
      | { readonly kind: 'meet'; readonly fd: number }
      /** The server cannot be reached, or the program's socket. */
      | { readonly kind: 'unreachable' | 'unmet'; readonly errno: number }
      /** The pool's last word, which is no session. */
      | { readonly kind: 'refused'; readonly message: Buffer }
      /** The pool could not be asked; its connection ended before its last word; its question is not known. */
      | { readonly kind: 'unasked' | 'cut' | 'unanswerable' }
      /** The program does. */
      | { readonly kind: 'speaksTls' }
    ))
  /** There is no connection to the pool any more. */
  | { readonly kind: 'ended'; readonly errno: number }
);

/** What a courier tells of clients on their way to the pool: src/core/courier. */
export type CourierEvent = {
  readonly type: 'courier';
  readonly courier: number;
} & (
  | ({ readonly listener: number } & (
      | {
          /** A client did not get to the program. */
          readonly kind: 'lost';
          readonly code: string;
          readonly text: string;
          readonly errno: number;
        }
      /** The pool's last word to one, which is no session. */
      | { readonly kind: 'refused'; readonly message: Buffer }
      /** The connection to the pool ended before its last word to one. */
      | { readonly kind: 'cut' }
      /** The listener works no more and is closed. */
      | { readonly kind: 'failed'; readonly errno: number }
      /** It was stopped, and none of its clients is on its way any more. */
      | { readonly kind: 'idle' }
    ))
  /** The pool's answer to a question. */
  | { readonly kind: 'answered'; readonly question: number; readonly message: Buffer }
  /** There will be none: the connection to the pool is gone. */
  | { readonly kind: 'unanswered'; readonly question: number }
  /** There is no connection to the pool any more. */
  | { readonly kind: 'ended'; readonly errno: number }
);

export type EngineEvent =
  | HelloEvent
  | CertificateRequestedEvent
  | VerifyPeerEvent
  | EstablishedEvent
  | ClosedEvent
  | TokenEvent
  | SupervisorEvent
  | CourierEvent
  | DepartureEvent
  /** The answer to a request that returned a promise. */
  | {
      readonly type: 'answer';
      readonly request: number;
      readonly error?: string;
      readonly code?: string;
      readonly value?: unknown;
    };

/** TLS alert names (RFC 8446 section 6) that the brain may refuse with. */
export type AlertName =
  | 'handshake_failure'
  | 'bad_certificate'
  | 'unsupported_certificate'
  | 'certificate_revoked'
  | 'certificate_expired'
  | 'certificate_unknown'
  | 'unknown_ca'
  | 'access_denied'
  | 'internal_error'
  | 'user_canceled'
  | 'unrecognized_name'
  | 'certificate_required'
  | 'no_application_protocol';

/** The outcome of OpenSSL's path validation (RFC 5280), run by the engine. */
export interface PathVerdict {
  readonly ok: boolean;
  /** X509_V_ERR_… number (0 when ok) and OpenSSL's words for it. */
  readonly error: number;
  readonly message: string;
  /** Depth of the certificate at fault; 0 is the leaf. */
  readonly depth: number;
  /** The path that was built, DER, leaf first, anchor last; empty unless ok. */
  readonly path: readonly Buffer[];
}

/** A revocation list that the engine holds; nothing about it is verified before it is used. */
export interface HeldCrl {
  readonly handle: CrlHandle;
  /** Name, DER. */
  readonly issuer: Buffer;
  /** Epoch seconds. */
  readonly thisUpdate: number;
  /** Epoch seconds; 0: it does not say. */
  readonly nextUpdate: number;
}

export interface OcspQuestion {
  /** DER, all three. */
  readonly response: Buffer;
  readonly certificate: Buffer;
  readonly issuer: Buffer;
  /** What was asked to be repeated. */
  readonly nonce?: Buffer | undefined;
  /** Whether a response that does not repeat it counts for nothing; one that repeats another never counts. */
  readonly nonceRequired?: boolean;
  /** Seconds for which a response holds that does not say until when. */
  readonly longest: number;
}

export interface OcspVerdict {
  /** `invalid`: it is no response to believe. */
  readonly status: 'good' | 'revoked' | 'unknown' | 'invalid';
  /** Of `invalid`: why. */
  readonly reason: string;
  /** Epoch seconds; 0: it does not say. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly revokedAt: number;
}
