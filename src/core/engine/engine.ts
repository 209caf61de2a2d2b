import { availableParallelism } from 'node:os';
import { TlspoolError } from '../errors.ts';
import { EngineEvents } from './events.ts';
import { loadNative } from './native.ts';
import type {
  AlertName,
  AnchorSetHandle,
  CertificateRequestedEvent,
  ClosedEvent,
  Counters,
  CredentialHandle,
  CrlHandle,
  EstablishedEvent,
  HeldCrl,
  HelloEvent,
  KeyHandle,
  LocalChoice,
  OcspQuestion,
  OcspVerdict,
  OpenSession,
  PathVerdict,
  Renewed,
  RenewSession,
  SessionId,
  TlsRole,
  TokenEvent,
  VerifyPeerEvent,
} from './types.ts';

/**
 * What a session tells, in this order: `hello` or `certificateRequested`, `verifyPeer`, `established`, `closed`; a
 * session that is renewed, or whose server asks later who we are, tells some of them anew.
 * Which of them come depends on how it was opened; `closed` always comes, last. Questions may be answered at any
 * later time; an answer to a session that has ended meanwhile does nothing.
 */
export interface SessionHandler {
  hello?(event: HelloEvent): void;
  certificateRequested?(event: CertificateRequestedEvent): void;
  verifyPeer?(event: VerifyPeerEvent): void;
  established(event: EstablishedEvent): void;
  closed(event: ClosedEvent): void;
}

export interface EngineOptions {
  /** Threads that do TLS; as many as there are processors unless told. */
  readonly threads?: number;
  /** Records after which the sending key is changed; half of what AES-GCM allows (2^23) unless told. */
  readonly keyUpdateRecords?: number;
}

export interface PathQuestion {
  /** DER, leaf first, as the peer sent it. */
  readonly chain: readonly Buffer[];
  readonly anchors: AnchorSetHandle;
  /** Of the remote: a server's leaf must be good for server authentication. undefined: any certificate will do. */
  readonly role?: TlsRole | undefined;
  /** Epoch seconds; now unless told. */
  readonly at?: number | undefined;
  /** Whether an anchor may be any certificate, the leaf included, and not a root only. */
  readonly partial?: boolean | undefined;
  /** If given: one of these lists must cover the first certificate of the chain, and not have it. */
  readonly crls?: readonly CrlHandle[] | undefined;
  /** Dotted OIDs of extensions that somebody else looks at: critical ones are no reason to refuse. */
  readonly extensions?: readonly string[] | undefined;
}

export interface EngineState {
  /** Sessions, and sockets that linger after one. */
  readonly residents: number;
  /** Those of them that have a time limit running. */
  readonly scheduled: number;
  /** Handshakes that wait on a stack of their own, for a signature or a verdict. */
  readonly parkedJobs: number;
}

/** Our side of the addon; src/native/engine/binding.cc is the other. */
interface EngineFunctions {
  engineStart(options: { threads: number; keyUpdateRecords: number | undefined }): void;
  engineStop(): void;
  engineState(): EngineState;
  dropTickets(): void;
  sessionOpen(options: object): SessionId;
  sessionChooseLocal(id: SessionId, choice: object): void;
  sessionRefuse(id: SessionId, alert: AlertName, reason: string): void;
  sessionAcceptPeer(id: SessionId, name: string, until: number): void;
  sessionAttach(id: SessionId, fd: number, datagrams: boolean): void;
  sessionRenew(id: SessionId, request: number, options: object): void;
  sessionClose(id: SessionId, abort: boolean): void;
  sessionCounters(id: SessionId): Counters | undefined;
  sessionExport(
    id: SessionId,
    request: number,
    label: string,
    context: Buffer | undefined,
    length: number,
  ): void;
  sessionCertificates(id: SessionId, request: number): void;
  sessionChannelBinding(id: SessionId, request: number, kind: string): void;
  credentialCreate(credential: { chain: readonly Buffer[]; key: KeyHandle }): CredentialHandle;
  credentialRelease(handle: CredentialHandle): void;
  credentialStaple(handle: CredentialHandle, response: Buffer | undefined): void;
  crlCreate(request: number, der: Buffer): void;
  crlRelease(handle: CrlHandle): void;
  ocspRequest(question: { certificate: Buffer; issuer: Buffer; nonce: Buffer | undefined }): Buffer;
  ocspVerify(request: number, question: OcspQuestion): void;
  anchorsCreate(anchors: { certificates: readonly Buffer[] }): AnchorSetHandle;
  anchorsRelease(handle: AnchorSetHandle): void;
  pathVerify(request: number, question: PathQuestion): void;
}

const noCounters: Counters = {
  bytesIn: 0,
  bytesOut: 0,
  recordsIn: 0,
  recordsOut: 0,
  lostIn: 0,
  lostOut: 0,
  duration: 0,
};

/** TLS, done by threads of the addon. There is one per process. */
export class Engine {
  readonly #native: EngineFunctions;
  readonly #events: EngineEvents;
  readonly #handlers = new Map<SessionId, SessionHandler>();

  /** Starts the threads. They do not keep the process alive; open sessions do. */
  static start(options: EngineOptions = {}): Engine {
    return new Engine(options);
  }

  private constructor(options: EngineOptions) {
    this.#native = loadNative<EngineFunctions>();
    this.#native.engineStart({
      threads: options.threads ?? availableParallelism(),
      keyUpdateRecords: options.keyUpdateRecords,
    });
    this.#events = EngineEvents.instance();
    this.#events.onSession = (event) => {
      const handler = this.#handlers.get(event.session);
      if (event.type === 'closed') {
        this.#handlers.delete(event.session);
        this.#events.release();
      }
      if (handler) tell(handler, event);
    };
  }

  /**
   * Takes the descriptor over, also when it throws `unusable-descriptor`: for a pipe, a file, a socket that is not
   * connected or not of the kind wanted.
   */
  open(session: OpenSession, handler: SessionHandler): SessionId {
    const { local, resumption, ...rest } = session;
    const id = usingDescriptor(session.datagrams ? udpWanted : streamWanted, () =>
      this.#native.sessionOpen({
        ...rest,
        ...localToNative(local),
        context: resumption?.context,
      }),
    );
    this.#handlers.set(id, handler);
    this.#events.hold();
    return id;
  }

  /** Answers `hello` and `certificateRequested`. */
  chooseLocal(id: SessionId, choice: LocalChoice): void {
    this.#native.sessionChooseLocal(id, toNative(choice));
  }

  /**
   * Ends a session that is not attached yet, with an alert where TLS lets us send one. After `established` that is
   * so for servers with TLS 1.3; others hear close_notify.
   */
  refuse(id: SessionId, alert: AlertName, reason: string): void {
    this.#native.sessionRefuse(id, alert, reason);
  }

  /**
   * Answers `verifyPeer`. `name` is who the peer is; `until`, in epoch seconds, is how long that may be believed
   * without asking again when the session is resumed; 0: not at all.
   */
  acceptPeer(id: SessionId, verdict: { name: string; until: number }): void {
    this.#native.sessionAcceptPeer(id, verdict.name, verdict.until);
  }

  /**
   * Gives the plaintext side, which the engine takes over, also when it throws `unusable-descriptor`.
   * @param datagrams as the session was opened
   */
  attach(id: SessionId, plainFd: number, datagrams = false): void {
    usingDescriptor(datagrams ? datagramsWanted : streamWanted, () =>
      this.#native.sessionAttach(id, plainFd, datagrams),
    );
  }

  /**
   * Renews a session. TLS 1.3: a client is asked who it is, or, where nobody is to be asked, keys are changed. After
   * `asked` comes a `verifyPeer`, with an empty chain if it showed nothing, to be answered by `acceptPeer` (whose verdict
   * is not kept) or `refuse`; nothing passes between the two. TLS 1.2: a new handshake, in which data of the other side
   * may still come up to its first message; after `established` nothing passes until `acceptPeer` or `refuse`.
   */
  renew(id: SessionId, { local, ...rest }: RenewSession): Promise<Renewed> {
    const options = { ...rest, ...localToNative(local) };
    return this.#events.request((request) => this.#native.sessionRenew(id, request, options));
  }

  /**
   * `drain`: what has arrived is delivered both ways, then it ends, by a reset where nobody had said that this was
   * all; neither side is waited for more than about two seconds. `abort`: the same at once, with what is on its way lost.
   */
  close(id: SessionId, how: 'drain' | 'abort'): void {
    this.#native.sessionClose(id, how === 'abort');
  }

  /** As of now; all zero once the session is closed (its `closed` event has the final ones). */
  counters(id: SessionId): Counters {
    return this.#native.sessionCounters(id) ?? noCounters;
  }

  /** Keying material (RFC 5705; RFC 8446 section 7.5). No context differs from an empty one in TLS 1.2. */
  async exporter(
    id: SessionId,
    label: string,
    context: Buffer | undefined,
    length: number,
  ): Promise<Buffer> {
    const keys = await this.#events.request<Buffer | undefined>((request) =>
      this.#native.sessionExport(id, request, label, context, length),
    );
    if (keys) return keys;
    throw new TlspoolError(
      'exporter-refused',
      `the TLS library exports nothing for the label "${label}"`,
    );
  }

  /** What we showed and what the peer showed: DER, leaf first. */
  certificates(id: SessionId): Promise<{ own: Buffer[]; peer: Buffer[] }> {
    return this.#events.request((request) => this.#native.sessionCertificates(id, request));
  }

  /**
   * Channel bindings of RFC 5929 and RFC 9266; undefined where there is none: tls-unique with TLS 1.3,
   * tls-server-end-point with a certificate whose signature has no single hash (Ed25519), tls-exporter with TLS 1.2
   * without an extended master secret.
   */
  channelBinding(
    id: SessionId,
    kind: 'tls-unique' | 'tls-server-end-point' | 'tls-exporter',
  ): Promise<Buffer | undefined> {
    return this.#events.request((request) => this.#native.sessionChannelBinding(id, request, kind));
  }

  /** `chain` is DER, leaf first. Throws `unusable-credential` if key and certificate do not belong together. */
  createCredential(credential: { chain: Buffer[]; key: KeyHandle }): CredentialHandle {
    return withCode(() => this.#native.credentialCreate(credential));
  }

  /** Sessions that show it go on. */
  releaseCredential(handle: CredentialHandle): void {
    this.#native.credentialRelease(handle);
  }

  /** The OCSP response (DER) that clients get with it from now on; undefined: none. */
  staple(handle: CredentialHandle, response: Buffer | undefined): void {
    this.#native.credentialStaple(handle, response);
  }

  /** A revocation list in DER; let go of with `releaseCrl`. @throws TlspoolError `unusable-crl` */
  createCrl(der: Buffer): Promise<HeldCrl> {
    return this.#events.request((request) => this.#native.crlCreate(request, der));
  }

  releaseCrl(handle: CrlHandle): void {
    this.#native.crlRelease(handle);
  }

  /** What to ask an OCSP responder (RFC 6960), DER. */
  ocspRequest(certificate: Buffer, issuer: Buffer, nonce?: Buffer): Buffer {
    return this.#native.ocspRequest({ certificate, issuer, nonce });
  }

  /** Whether what a responder said is to be believed, and what it says. */
  verifyOcsp(question: OcspQuestion): Promise<OcspVerdict> {
    return this.#events.request((request) => this.#native.ocspVerify(request, question));
  }

  createAnchors(certificates: Buffer[]): AnchorSetHandle {
    return withCode(() => this.#native.anchorsCreate({ certificates }));
  }

  releaseAnchors(handle: AnchorSetHandle): void {
    this.#native.anchorsRelease(handle);
  }

  /** RFC 5280 path validation by OpenSSL: signatures, validity, constraints, key usage, strength. Not names. */
  verifyPath(question: PathQuestion): Promise<PathVerdict> {
    return this.#events.request((request) => this.#native.pathVerify(request, question));
  }

  /** Nothing that was established before is resumed any more, as server or client. */
  dropTickets(): void {
    this.#native.dropTickets();
  }

  onToken(listener: (event: TokenEvent) => void): void {
    this.#events.onToken(listener);
  }

  state(): EngineState {
    return this.#native.engineState();
  }

  /** Ends all sessions, each with its `closed` event, and the threads. */
  async stop(): Promise<void> {
    this.#native.engineStop();
    while (this.#handlers.size > 0) await this.#events.next();
  }
}

function localToNative(local: LocalChoice | 'ask'): object {
  return local === 'ask' ? { ask: true } : { ask: false, local: toNative(local) };
}

function toNative(choice: LocalChoice): object {
  return {
    credentials: choice.credentials,
    peer: choice.peer,
    context: choice.resumption?.context,
  };
}

function tell(handler: SessionHandler, event: SessionEvent): void {
  if (event.type === 'hello') handler.hello?.(event);
  else if (event.type === 'certificateRequested') handler.certificateRequested?.(event);
  else if (event.type === 'verifyPeer') handler.verifyPeer?.(event);
  else if (event.type === 'established') handler.established(event);
  else handler.closed(event);
}

type SessionEvent =
  | HelloEvent
  | CertificateRequestedEvent
  | VerifyPeerEvent
  | EstablishedEvent
  | ClosedEvent;

const streamWanted = 'hand over a connected stream socket: TCP, UNIX or one of a pair';
const udpWanted = 'hand over a UDP socket that is connected to the peer';
const datagramsWanted =
  'hand over a connected datagram socket: one of a UNIX pair (SOCK_SEQPACKET or SOCK_DGRAM) or UDP';

function usingDescriptor<Result>(hint: string, use: () => Result): Result {
  return withCode(use, hint);
}

/** The addon's errors with a code of ours become TlspoolErrors. */
function withCode<Result>(use: () => Result, hint?: string): Result {
  try {
    return use();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!code?.startsWith('unusable-')) throw error;
    throw new TlspoolError(code, message, { hint, cause: error });
  }
}
