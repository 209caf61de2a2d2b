import { anonymous } from '../authz/question.ts';
import type { SessionHandler } from '../engine/engine.ts';
import { closeFd } from '../engine/sockets.ts';
import type {
  AlertName,
  ClosedEvent,
  EstablishedEvent,
  HelloEvent,
  LocalChoice,
  OpenSession,
  Resumption,
  SessionId,
  VerifyPeerEvent,
} from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import { type Donai, formatDonai } from '../identity/donai.ts';
import { PoolError } from '../protocol/errors.ts';
import { writeBelieved } from '../trust/believed.ts';
import { Admission, type Admitted, isDenial, remoteOf } from './admission.ts';
import type { Agreed } from './agreed.ts';
import { agreedOn, type Known } from './agreement.ts';
import { dropAnswer, readPlaintext } from './answers.ts';
import { Audit } from './audit.ts';
import type { Remembered } from './chooser.ts';
import { addressOf, type SessionFacts } from './facts.ts';
import { whenKept } from './first-use.ts';
import type { Myself } from './local-identity.ts';
import { refusedPeer, refusedSocket, setUpFailure, tellable } from './outcome.ts';
import { PeerJudgement } from './peer-judgement.ts';
import { beginNegotiating, isOpen, type Negotiating, type OpenPhase, type Phase } from './phase.ts';
import { Presentation } from './presentation.ts';
import type { RunningSession } from './questions.ts';
import { Renewal } from './renewal.ts';
import type { Answer, Requester } from './requester.ts';
import { finalResponse, onlyResponse, plaintextCallback } from './responses.ts';
import { resumptionFor } from './resumption.ts';
import type { Services } from './services.ts';
import type { StartTlsRequest } from './start-tls-request.ts';

/** Who keeps the sessions: the registry. */
export interface SessionKeeper {
  /** It is set up, and belongs to the connection on which that was asked, unless it was to be detached. */
  established(session: Session, detached: boolean): void;
  /** The very last word; nothing of it is left. */
  ended(session: Session): void;
}

/**
 * The way of one connection, from the request to the audit line. Read it from the top: that is the order in which
 * things happen.
 */
export class Session implements SessionHandler {
  readonly facts: SessionFacts;
  /** Outlives the connection that it belongs to. */
  readonly fork: boolean;
  readonly #requester: Requester;
  readonly #services: Services;
  readonly #keeper: SessionKeeper;
  readonly #audit: Audit;
  readonly #admission: Admission;
  readonly #presentation: Presentation;
  readonly #judgement: PeerJudgement;
  #engineId: SessionId | undefined;
  /** Generation of trust by which a session of before may be resumed. */
  #trustedAt: number | undefined;
  #phase: Phase;

  /** @param fd the ciphertext socket, which it takes over */
  constructor(
    facts: SessionFacts,
    request: StartTlsRequest,
    fd: number,
    requester: Requester,
    services: Services,
    keeper: SessionKeeper,
  ) {
    this.facts = facts;
    this.fork = request.fork;
    this.#requester = requester;
    this.#services = services;
    this.#keeper = keeper;
    this.#audit = new Audit(services.log, this.facts);
    this.#admission = new Admission(services, this.facts);
    this.#phase = { is: 'preparing', request, fd };
    const parts = {
      facts,
      negotiation: () => (this.#phase.is === 'negotiating' ? this.#phase : undefined),
      mayProgram: (name: Donai) => this.#mayProgram(name),
      show: (myself: Myself) => this.#show(myself),
      showNothing: () =>
        this.#engineAnswer((engine, id) => engine.chooseLocal(id, { credentials: [] })),
      letThrough: () => this.#engineAnswer((engine, id) => engine.acceptPeer(id, shownOnly)),
      attempt: (step: () => void) => this.#attempt(step),
      fail: (error: unknown, alert?: AlertName) => this.#fail(error, alert),
    };
    this.#presentation = new Presentation(parts, requester, services);
    this.#judgement = new PeerJudgement(parts, this.#presentation, services);
  }

  /** First, what we know of ourselves must be up to date. */
  start(): void {
    this.#upToDate(() => this.#open());
  }

  /** Takes a step by what the store says now. */
  #upToDate(step: () => void): void {
    const refreshed = this.#services.knowledge.refresh();
    if (refreshed === undefined) this.#attempt(step);
    else {
      refreshed.then(
        () => this.#attempt(step),
        (error: unknown) => this.#fail(error),
      );
    }
  }

  /** The handshake starts, with a local identity if it takes no ClientHello to choose one. */
  #open(): void {
    if (this.#phase.is !== 'preparing') return;
    const { request, fd } = this.#phase;
    const asksPerson = this.#presentation.asksPerson(request);
    const myself = asksPerson ? undefined : this.#presentation.myselfAtOnce(request);
    this.#admission.requireProgram(myself?.name);
    const demand = this.#admission.demand(myself?.name, request.demand);
    const asks = asksPerson || this.#presentation.asksForMyself(request, myself);
    const local = asks ? 'ask' : this.#choice(request, myself);
    const opened: OpenSession = {
      fd,
      role: request.role,
      handshakeTimeout: request.timeout,
      datagrams: request.datagrams,
      idleTimeout: this.#services.idleTimeout(request.datagrams),
      local,
      serverName: serverNameFor(request),
      alpn: request.alpn,
      peer: demand,
      resumption: local === 'ask' ? this.#basisUnasked(request) : local.resumption,
    };
    const { serverName } = opened;
    this.#phase = beginNegotiating({ request, myself, serverName, demand });
    this.#engineId = this.#openOrRefuse(opened);
  }

  /** A client that the server does not ask shows nothing, whoever would have had a say. */
  #basisUnasked(request: StartTlsRequest): Resumption | undefined {
    return request.role === 'client' ? this.#choice(request, undefined).resumption : undefined;
  }

  #openOrRefuse(opened: OpenSession): SessionId {
    try {
      return this.#services.engine.open(opened, this);
    } catch (error) {
      throw refusedSocket(error, 'CIPHER_SOCKET_NEEDED');
    }
  }

  /** Which local identity: by SNI, or as the application decides when it is asked. */
  hello(event: HelloEvent): void {
    this.#presentation.hello(event);
  }

  /** A client is asked who it is, and people or the application have a say in that. */
  certificateRequested(): void {
    this.#presentation.certificateRequested();
  }

  /** Whether the program may act as that identity; otherwise it has failed by now. */
  #mayProgram(name: Donai): boolean {
    try {
      this.#admission.requireProgram(name);
      return true;
    } catch (error) {
      // To the other side it is as if we were nobody of that name.
      this.#fail(error, 'unrecognized_name');
      return false;
    }
  }

  /** Its rule may have been removed while the other side took its time. */
  #mayProgramStill(name: Donai | undefined): boolean {
    try {
      this.#admission.requireProgramStill(name);
      return true;
    } catch (error) {
      this.#fail(error, 'access_denied');
      return false;
    }
  }

  #show(myself: Myself): void {
    const phase = this.#phase;
    if (phase.is !== 'negotiating' || !this.#mayProgram(myself.name)) return;
    phase.myself = myself;
    phase.demand = this.#admission.demand(myself.name, phase.request.demand);
    const show = () => {
      const choice = this.#choice(phase.request, myself);
      this.#engineAnswer((engine, id) => engine.chooseLocal(id, choice));
    };
    const { expressions } = this.#services.credentials.handles(myself.identity);
    if (phase.peer === undefined || expressions.length === 0) show();
    // A client validates before it is asked who it is: now it is known what its identity wants of the other side.
    else this.#judgement.validate(phase.peer, show);
  }

  /** What we show, and on what basis a session of before may be resumed. */
  #choice(request: StartTlsRequest, myself: Myself | undefined): LocalChoice {
    const { knowledge, credentials } = this.#services;
    this.#trustedAt = knowledge.trustGeneration;
    const shown = myself && credentials.handles(myself.identity);
    const demand = this.#admission.demand(myself?.name, request.demand);
    const choice = { credentials: shown?.handles ?? [], peer: demand };
    // What must be validated now cannot rest on what was validated then; datagrams begin anew always.
    if (request.ignoreCaches || request.datagrams) return choice;
    const resumption = resumptionFor({
      role: request.role,
      localId: myself === undefined ? '' : formatDonai(myself.name),
      remoteId: request.remoteId === undefined ? '' : formatDonai(request.remoteId),
      service: request.service,
      demand,
      domainRepresentsUser: request.domainRepresentsUser,
      trustGeneration: knowledge.trustGeneration,
      credentials: shown?.fingerprint ?? '',
    });
    return { ...choice, resumption };
  }

  /** Who is the peer? */
  verifyPeer(event: VerifyPeerEvent): void {
    this.#attempt(() => {
      const phase = this.#phase;
      if (phase.is === 'running') phase.renewal?.verifyPeer(event);
      if (phase.is !== 'negotiating') return;
      phase.peer = event;
      if (phase.request.role === 'server') phase.serverName = event.serverName;
      this.#judgement.validate(event, (verdict) => {
        const name = phase.believed && writeBelieved(phase.believed);
        // What is not remembered yet, no later session may rest on.
        const isKept = name !== undefined && verdict.remember === undefined;
        const known = isKept ? { name, until: verdict.until } : shownOnly;
        this.#engineAnswer((engine, id) => engine.acceptPeer(id, known));
      });
    });
  }

  /** Both sides are through. Is everybody known who must be? Then the program gives its plaintext socket. */
  established(event: EstablishedEvent): void {
    // The other side may have taken its time: rules and trust may have changed since.
    this.#upToDate(() => {
      const phase = this.#phase;
      if (phase.is !== 'negotiating') return;
      const { request, demand } = phase;
      if (request.role === 'server' && event.resumed && this.#isOutdated()) {
        this.#fail(
          refusedPeer('trust has changed since it came: it has to begin anew'),
          'access_denied',
        );
        return;
      }
      const agree = () => this.#agree(event);
      // It may have shown its certificate, and waited with the rest of its handshake.
      if (request.role === 'server' && phase.peer !== undefined && this.#isOutdated()) {
        this.#judgement.validate(phase.peer, agree, agree);
        return;
      }
      const isNobody = event.peerName === '';
      if (isNobody && (request.role === 'client' || demand === 'require')) {
        this.#fail(refusedPeer('the other side did not show who it is'), 'certificate_required');
        return;
      }
      // It may show nothing, but our identity may still ask for something.
      if (isNobody && demand === 'request') {
        this.#judgement.validate({ ...event, chain: [], ocsp: undefined }, agree);
      } else agree();
    });
  }

  /**
   * A client may come with its ticket or show its certificate, and wait. Servers answer at once, and first uses of others
   * change trust, too.
   */
  #isOutdated(): boolean {
    return this.#trustedAt !== this.#services.knowledge.trustGeneration;
  }

  #agree(event: EstablishedEvent): void {
    const phase = this.#phase;
    if (phase.is !== 'negotiating') return;
    const known = agreedOn(event, phase);
    if (!this.#mayProgramStill(phase.myself?.name)) return;
    const admitted = this.#admit(phase, known);
    if (admitted === 'denied') return;
    whenKept(
      phase.firstUse,
      () => this.#attempt(() => this.#askForPlaintext({ ...known, admitted })),
      (error) => this.#fail(error),
    );
  }

  #askForPlaintext(agreed: Agreed): void {
    const phase = this.#phase;
    if (phase.is !== 'negotiating') return;
    const { request, plainFd } = phase;
    if (phase.remember !== undefined) this.#keep(phase.remember);
    if (plainFd !== undefined) {
      phase.plainFd = undefined;
      this.#attach(phase, agreed, plainFd, true);
      return;
    }
    const callback = this.#requester.call(
      request.requestId,
      plaintextCallback(request, agreed),
      (answer) => this.#attempt(() => this.#connected(answer)),
    );
    this.#phase = { is: 'connecting', request, agreed, myself: phase.myself, callback };
  }

  /** A person's choice has proved good. */
  #keep(choice: Remembered): void {
    this.#services.remember(choice).catch((error: unknown) => this.#audit.fault(error));
  }

  /** May the remote do this? Decided for every session anew, also for one that is resumed; clients decide nothing. */
  #admit({ request, myself }: Negotiating, known: Known): Admitted | undefined | 'denied' {
    if (request.role === 'client' || myself === undefined) return undefined;
    const outcome = this.#admission.decide(myself.name, remoteOf(known));
    if (!isDenial(outcome)) return outcome;
    this.#fail(outcome.error, outcome.alert);
    return 'denied';
  }

  #connected(answer: Answer): void {
    const phase = this.#phase;
    if (phase.is !== 'connecting') {
      dropAnswer(answer);
      return;
    }
    this.#attach(phase, phase.agreed, readPlaintext(answer), false);
  }

  /** The engine copies from here on; the program gets its final response. */
  #attach(
    { request, myself }: Pick<Negotiating, 'request' | 'myself'>,
    agreed: Agreed,
    plainFd: number,
    withDetails: boolean,
  ): void {
    const shownAs = request.role === 'server' ? addressOf(plainFd, 'local') : '';
    try {
      this.#engineAnswer((engine, id) => engine.attach(id, plainFd, request.datagrams));
    } catch (error) {
      throw refusedSocket(error, 'PLAIN_SOCKET_NEEDED');
    }
    this.#phase = { is: 'running', agreed, myself, shownAs, renewal: undefined };
    this.#keeper.established(this, request.detach);
    const responses = withDetails
      ? onlyResponse(request, agreed)
      : [finalResponse(request, agreed)];
    this.#requester.respond(request.requestId, ...responses);
    this.#audit.setUp(agreed);
  }

  /**
   * Who is the other side now? The answer goes to whom the session is attached to, who asks.
   * @throws PoolError RENOGIATE_NOT_INTERRUPTABLE
   */
  renew(request: StartTlsRequest, requester: Requester): void {
    const phase = this.#phase;
    if (phase.is !== 'running' || phase.renewal !== undefined || this.#engineId === undefined) {
      throw new PoolError(
        'RENOGIATE_NOT_INTERRUPTABLE',
        phase.is === 'running' ? 'the session is being renewed already' : 'no data flows in it yet',
      );
    }
    if (phase.agreed.version === 'DTLSv1.2') {
      throw new PoolError(
        'COMMAND_NOTIMPL',
        'sessions of DTLS are not renewed',
        'Set up a new session.',
      );
    }
    phase.renewal = new Renewal(request, requester, {
      facts: this.facts,
      engineId: this.#engineId,
      agreed: phase.agreed,
      myself: phase.myself,
      services: this.#services,
      admission: this.#admission,
      presentation: this.#presentation,
      audit: this.#audit,
      over: (agreed) => {
        phase.renewal = undefined;
        phase.agreed = agreed ?? phase.agreed;
      },
    });
    phase.renewal.start();
  }

  /** The engine is done with it, however it ended. */
  closed(event: ClosedEvent): void {
    const phase = this.#phase;
    if (isOpen(phase)) {
      const failure = this.#missingCertificate(phase, event) ?? setUpFailure(event);
      this.#noteLostKey(phase, event);
      this.#settle(phase, failure);
      this.#audit.failed(failure, event.counters);
    } else if (phase.is === 'running') {
      phase.renewal?.ended(event);
      this.#audit.ended(phase.agreed, event);
    } else if (phase.is === 'failed') this.#audit.failed(phase.error, event.counters);
    this.#phase = { is: 'over' };
    this.#keeper.ended(this);
  }

  /** The engine refused a client that showed nothing: rules did not let it in, if it was them who asked. */
  #missingCertificate(phase: OpenPhase, { failure }: ClosedEvent): TlspoolError | undefined {
    if (phase.is !== 'negotiating' || phase.myself === undefined) return undefined;
    if (phase.request.demand === 'require' || phase.demand !== 'require') return undefined;
    if (failure?.side !== 'local' || failure.alert?.name !== 'certificate_required')
      return undefined;
    const outcome = this.#admission.decide(phase.myself.name, anonymous);
    return isDenial(outcome) ? outcome.error : undefined;
  }

  /** A key that was made on the fly is as short-lived as its token's sessions. */
  #noteLostKey(phase: OpenPhase, { failure }: ClosedEvent): void {
    const made = phase.is === 'negotiating' && phase.myself?.made === true;
    if (made && failure?.pkcs11?.name === 'KEY_NOT_FOUND') this.#services.onTheFly?.forget();
  }

  /** The connection on which it was asked for is gone before it was set up. */
  abandon(): void {
    if (!isOpen(this.#phase)) return;
    const error = new PoolError('CLIENT_DISCONNECT', 'the program went away during the handshake');
    this.#giveUp(this.#phase, error);
    this.#end('abort');
  }

  /** `drain` delivers what is there; `abort` does not. */
  end(how: 'drain' | 'abort'): void {
    if (isOpen(this.#phase)) {
      this.#settle(this.#phase, new PoolError('CLIENT_DISCONNECT', 'the pool ends its sessions'));
    }
    this.#end(how);
  }

  /** What was agreed on, and the engine's number for it, if it is running. */
  get running(): RunningSession | undefined {
    if (this.#phase.is !== 'running' || this.#engineId === undefined) return undefined;
    const { agreed, shownAs } = this.#phase;
    return { engineId: this.#engineId, agreed, shownAs };
  }

  /** What was agreed on, also while the program has yet to give its plaintext socket. */
  get agreed(): Agreed | undefined {
    const phase = this.#phase;
    return phase.is === 'running' || phase.is === 'connecting' ? phase.agreed : undefined;
  }

  /** Who its program acts as, whether the other side asked to see it or not; undefined: nobody, or not known yet. */
  get actsAs(): Donai | undefined {
    const phase = this.#phase;
    return phase.is === 'running' || phase.is === 'connecting' ? phase.myself?.name : undefined;
  }

  /** The engine's number for it, while it has one. */
  get engineId(): SessionId | undefined {
    return this.#engineId;
  }

  /** Who is to be who to whom, as far as that is known while it is being set up. */
  get parties(): { readonly localId: string; readonly remoteId: string } {
    const phase = this.#phase;
    if (phase.is === 'running') return phase.agreed;
    const { localId = undefined, remoteId = undefined } = isOpen(phase) ? phase.request : {};
    const local = (phase.is === 'negotiating' ? phase.myself?.name : undefined) ?? localId;
    return {
      localId: local === undefined ? '' : formatDonai(local),
      remoteId: remoteId === undefined ? '' : formatDonai(remoteId),
    };
  }

  /** Steps that are taken from the event loop have nobody else to tell of their failure. */
  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#fail(error);
    }
  }

  #engineAnswer(answer: (engine: Services['engine'], id: SessionId) => void): void {
    if (this.#engineId !== undefined) answer(this.#services.engine, this.#engineId);
  }

  /** It comes to nothing because of us: the program is told, and the other side by an alert. */
  #fail(error: unknown, alert: AlertName = 'internal_error'): void {
    const phase = this.#phase;
    if (!isOpen(phase)) {
      if (!(error instanceof TlspoolError)) throw error;
      return;
    }
    const told = tellable(error);
    if (!(error instanceof TlspoolError)) this.#audit.fault(error);
    this.#settle(phase, told);
    if (this.#engineId !== undefined) {
      this.#services.engine.refuse(this.#engineId, alert, told.message);
      return;
    }
    this.#audit.failed(told, undefined);
    this.#phase = { is: 'over' };
    this.#keeper.ended(this);
  }

  /** Answers the request. */
  #settle(phase: OpenPhase, error: TlspoolError): void {
    const { requestId } = phase.request;
    this.#giveUp(phase, error);
    this.#requester.fail(requestId, error);
  }

  /** Lets go of what the request held. */
  #giveUp(phase: OpenPhase, error: TlspoolError): void {
    this.#phase = { is: 'failed', error };
    if (phase.is === 'preparing') closeFd(phase.fd);
    else phase.callback?.cancel();
    if (phase.is !== 'negotiating') return;
    phase.patience.abort();
    if (phase.plainFd !== undefined) closeFd(phase.plainFd);
  }

  #end(how: 'drain' | 'abort'): void {
    if (this.#engineId !== undefined) this.#services.engine.close(this.#engineId, how);
    else if (this.#phase.is !== 'over') {
      this.#phase = { is: 'over' };
      this.#keeper.ended(this);
    }
  }
}

/** SNI is the domain only: a user is never sent in the clear. */
function serverNameFor({ role, remoteId, withoutSni }: StartTlsRequest): string | undefined {
  return role === 'client' && !withoutSni ? remoteId?.domain : undefined;
}

/** For the engine: somebody was validated, but whom cannot be told to later sessions, so that none rests on it. */
const shownOnly = { name: '?', until: 0 };
