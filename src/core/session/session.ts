import type { Program } from '../authz/program-rule.ts';
import { anonymous } from '../authz/question.ts';
import type { SessionHandler } from '../engine/engine.ts';
import { closeFd, internetAddress } from '../engine/sockets.ts';
import type {
  AlertName,
  ClosedEvent,
  EstablishedEvent,
  HelloEvent,
  LocalChoice,
  OpenSession,
  SessionId,
  VerifyPeerEvent,
} from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import { type Donai, formatDonai } from '../identity/donai.ts';
import { PoolError, PosixError } from '../protocol/errors.ts';
import { Admission, type Admitted, isDenial, remoteOf } from './admission.ts';
import type { Agreed } from './agreed.ts';
import { agreedOn, type Known } from './agreement.ts';
import { dropAnswer, readPlaintext } from './answers.ts';
import { Audit } from './audit.ts';
import type { Remembered } from './chooser.ts';
import type { SessionFacts } from './facts.ts';
import { whenKept } from './first-use.ts';
import { type Accepted, IdentityExchange } from './identity-exchange.ts';
import { LiveSession } from './live-session.ts';
import type { Myself } from './local-identity.ts';
import { beginNegotiating, type Negotiating } from './negotiating.ts';
import { refusedSocket, setUpFailure, tellable } from './outcome.ts';
import { isOpen, type OpenPhase, type Phase } from './phase.ts';
import type { RunningSession } from './questions.ts';
import type { Answer, Requester } from './requester.ts';
import { finalResponse, onlyResponse, plaintextCallback } from './responses.ts';
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
  /** undefined: both sides know each other, and nothing of it is kept for as long as data flows. */
  #exchange: IdentityExchange | undefined;
  #engineId: SessionId | undefined;
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
    const exchanging = {
      facts,
      admission: this.#admission,
      resumable: true,
      negotiation: () => (this.#phase.is === 'negotiating' ? this.#phase : undefined),
      choose: (choice: LocalChoice) =>
        this.#engineAnswer((engine, id) => engine.chooseLocal(id, choice)),
      accept: (accepted: Accepted) =>
        this.#engineAnswer((engine, id) => engine.acceptPeer(id, accepted)),
      attempt: (step: () => void) => this.#attempt(step),
      fail: (error: unknown, alert?: AlertName) => this.#fail(error, alert),
    };
    this.#exchange = new IdentityExchange(exchanging, requester, services);
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
    const exchange = this.#exchange;
    if (this.#phase.is !== 'preparing' || exchange === undefined) return;
    const { request, fd } = this.#phase;
    const { presentation } = exchange;
    const asksPerson = presentation.asksPerson(request);
    const myself = asksPerson ? undefined : presentation.myselfAtOnce(request);
    this.#admission.requireProgram(myself?.name);
    const demand = exchange.demand(request.demand, myself);
    const asks = asksPerson || presentation.asksForMyself(request, myself);
    const local = asks ? 'ask' : exchange.choice(request, myself);
    const opened: OpenSession = {
      fd,
      role: request.role,
      handshakeTimeout: request.timeout,
      datagrams: request.datagrams,
      hello: request.hello,
      idleTimeout: this.#services.idleTimeout(request.datagrams),
      local,
      serverName: serverNameFor(request),
      alpn: request.alpn,
      peer: demand,
      resumption: local === 'ask' ? exchange.basisUnasked(request) : local.resumption,
    };
    const { serverName } = opened;
    this.#phase = beginNegotiating({ request, myself, serverName, demand });
    this.#engineId = this.#openOrRefuse(opened);
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
    const phase = this.#phase;
    if (phase.is === 'running') phase.live.hello(event);
    else this.#exchange?.hello(event);
  }

  /** A client is asked who it is. */
  certificateRequested(): void {
    const phase = this.#phase;
    if (phase.is === 'running') phase.live.certificateRequested();
    else this.#exchange?.certificateRequested();
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

  /** Who is the peer? */
  verifyPeer(event: VerifyPeerEvent): void {
    const phase = this.#phase;
    if (phase.is === 'running') phase.live.verifyPeer(event);
    else this.#exchange?.verifyPeer(event);
  }

  /** Both sides are through. Is everybody known who must be? Then the program gives its plaintext socket. */
  established(event: EstablishedEvent): void {
    const phase = this.#phase;
    if (phase.is === 'running') phase.live.established(event);
    // The other side may have taken its time: rules and trust may have changed since.
    else this.#upToDate(() => this.#exchange?.complete(event, () => this.#agree(event)));
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
    const engineId = this.#engineId;
    if (engineId === undefined) return;
    const shownAs = request.role === 'server' ? internetAddress(plainFd, 'local') : '';
    try {
      this.#services.engine.attach(engineId, plainFd, request.datagrams);
    } catch (error) {
      throw refusedSocket(error, 'PLAIN_SOCKET_NEEDED');
    }
    const origin = request.role === 'client' ? request : undefined;
    const live = new LiveSession(
      {
        facts: this.facts,
        engineId,
        services: this.#services,
        admission: this.#admission,
        audit: this.#audit,
      },
      this.#requester,
      { agreed, myself, origin },
    );
    this.#phase = { is: 'running', live, shownAs };
    this.#exchange = undefined;
    this.#keeper.established(this, request.detach);
    const responses = withDetails
      ? onlyResponse(request, agreed)
      : [finalResponse(request, agreed)];
    this.#requester.respond(request.requestId, ...responses);
    this.#audit.setUp(agreed);
  }

  /**
   * Who is the other side now? The answer goes to whom the session is attached to, who asks.
   * @throws PoolError RENOGIATE_NOT_INTERRUPTABLE, COMMAND_NOTIMPL
   */
  renew(request: StartTlsRequest, requester: Requester): void {
    if (this.#phase.is !== 'running') {
      throw new PoolError('RENOGIATE_NOT_INTERRUPTABLE', 'no data flows in it yet');
    }
    this.#phase.live.renew(request, requester);
  }

  /** From now on it is another program's, which is judged and named for it. */
  takeOver(program: Program): void {
    this.facts.program = program;
    this.facts.asking = program;
  }

  /** The engine is done with it, however it ended. */
  closed(event: ClosedEvent): void {
    const phase = this.#phase;
    if (isOpen(phase)) {
      const { localId } = this.parties;
      const failure = this.#missingCertificate(phase, event) ?? setUpFailure(event);
      this.#noteLostKey(phase, event);
      this.#settle(phase, failure);
      this.#audit.failed(failure, event.counters, localId);
    } else if (phase.is === 'running') {
      phase.live.closed(event);
      this.#audit.ended(phase.live.agreed, event);
    } else if (phase.is === 'failed') {
      this.#audit.failed(phase.error, event.counters, phase.localId);
    }
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

  /** The program does not want it any more, before it was set up. */
  withdraw(): void {
    if (!isOpen(this.#phase)) return;
    this.#settle(this.#phase, new PosixError('ECANCELED', 'the program gave it up'));
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
    if (this.#phase.is !== 'running') return undefined;
    const { live, shownAs } = this.#phase;
    return { engineId: live.engineId, agreed: live.agreed, shownAs };
  }

  /** What was agreed on, also while the program has yet to give its plaintext socket. */
  get agreed(): Agreed | undefined {
    return this.#settled?.agreed;
  }

  /** Who its program acts as, whether the other side asked to see it or not; undefined: nobody, or not known yet. */
  get actsAs(): Donai | undefined {
    return this.#settled?.myself?.name;
  }

  /** Who is who, once both sides know. */
  get #settled(): { readonly agreed: Agreed; readonly myself: Myself | undefined } | undefined {
    const phase = this.#phase;
    if (phase.is === 'running') return phase.live;
    return phase.is === 'connecting' ? phase : undefined;
  }

  /** The engine's number for it, while it has one. */
  get engineId(): SessionId | undefined {
    return this.#engineId;
  }

  /** Who is to be who to whom, as far as that is known while it is being set up. */
  get parties(): { readonly localId: string; readonly remoteId: string } {
    const phase = this.#phase;
    if (phase.is === 'running') return phase.live.agreed;
    const { localId = undefined, remoteId = undefined } = isOpen(phase) ? phase.request : {};
    const local = ('myself' in phase ? phase.myself?.name : undefined) ?? localId;
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
    const { localId } = this.parties;
    if (!(error instanceof TlspoolError)) this.#audit.fault(error);
    this.#settle(phase, told);
    if (this.#engineId !== undefined) {
      this.#services.engine.refuse(this.#engineId, alert, told.message);
      return;
    }
    this.#audit.failed(told, undefined, localId);
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
    this.#phase = { is: 'failed', error, localId: this.parties.localId };
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
