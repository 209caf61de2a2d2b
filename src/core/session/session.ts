import { anonymous } from '../authz/question.ts';
import type { SessionHandler } from '../engine/engine.ts';
import { closeFd } from '../engine/sockets.ts';
import type {
  AlertName,
  CertificateRequestedEvent,
  ClosedEvent,
  EstablishedEvent,
  HelloEvent,
  LocalChoice,
  OpenSession,
  PeerDemand,
  Resumption,
  SessionId,
  TlsRole,
  VerifyPeerEvent,
} from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import { type Donai, formatDonai, parseDonai } from '../identity/donai.ts';
import { PoolError } from '../protocol/errors.ts';
import { type Believed, nobodyBelieved, readBelieved, writeBelieved } from '../trust/believed.ts';
import { DerError } from '../trust/der.ts';
import type { AcceptedRemote, RemoteVerdict } from '../trust/remote-question.ts';
import { subjectNames } from '../trust/subject-names.ts';
import { Admission, type Admitted, isDenial, remoteOf } from './admission.ts';
import type { Agreed } from './agreed.ts';
import { dropAnswer, readChoice, readPlaintext } from './answers.ts';
import { Audit } from './audit.ts';
import type { PersonsChoice, Remembered } from './chooser.ts';
import { candidates, type Disclosed, requireDisclosed } from './client-identity.ts';
import type { Shown } from './credentials.ts';
import type { SessionFacts } from './facts.ts';
import {
  bySni,
  type Myself,
  nobody,
  noSigner,
  requireIdentity,
  wantedName,
  withoutAsking,
} from './local-identity.ts';
import { refusedPeer, refusedSocket, setUpFailure, tellable } from './outcome.ts';
import { believedOf, type PeerFacts, remoteQuestion } from './remote-validation.ts';
import type { Answer, Callback, Requester } from './requester.ts';
import { finalResponse, localIdProposal, onlyResponse, plaintextCallback } from './responses.ts';
import { resumptionFor } from './resumption.ts';
import type { Services } from './services.ts';
import type { StartTlsRequest } from './start-tls-request.ts';

/** Where a session stands. The program's request is open in the first three; it is forgotten once it is answered. */
type Phase =
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
      readonly callback: Callback;
    }
  /** Data flows. */
  | { readonly is: 'running'; readonly agreed: Agreed }
  /** It came to nothing; the program was told, the engine tidies up. */
  | { readonly is: 'failed'; readonly error: TlspoolError }
  | { readonly is: 'over' };

/** ms between looks for an identity that is being made. */
const LOOK_AGAIN = 200;

type Negotiating = Extract<Phase, { is: 'negotiating' }>;
/** What both sides agreed on, before it is decided whether that is allowed. */
type Known = Omit<Agreed, 'admitted'>;

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
  }

  /** First, what we know of ourselves must be up to date. */
  start(): void {
    const refreshed = this.#services.knowledge.refresh();
    if (refreshed === undefined) this.#attempt(() => this.#open());
    else {
      refreshed.then(
        () => this.#attempt(() => this.#open()),
        (error: unknown) => this.#fail(error),
      );
    }
  }

  /** The handshake starts, with a local identity if it takes no ClientHello to choose one. */
  #open(): void {
    if (this.#phase.is !== 'preparing') return;
    const { request, fd } = this.#phase;
    const asksPerson = this.#asksPerson(request);
    const myself = asksPerson ? undefined : this.#myselfAtOnce(request);
    this.#admission.requireProgram(myself?.name);
    const demand = this.#admission.demand(myself?.name, request.demand);
    const asks = asksPerson || this.#asksForMyself(request, myself);
    const local = asks ? 'ask' : this.#choice(request, myself);
    const opened: OpenSession = {
      fd,
      role: request.role,
      handshakeTimeout: request.timeout,
      idleTimeout: this.#services.idleTimeout(),
      local,
      serverName: serverNameFor(request),
      alpn: request.alpn,
      peer: demand,
      resumption: local === 'ask' ? this.#basisUnasked(request) : local.resumption,
    };
    this.#phase = {
      is: 'negotiating',
      request,
      myself,
      serverName: opened.serverName,
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

  /** Which local identity: the application's, or the listener's only one. */
  #myselfAtOnce(request: StartTlsRequest): Myself | undefined {
    const { role, localId, localIds, localIdCheck, onTheFly, remoteId } = request;
    const find = this.#finder(role);
    if (localIdCheck || onTheFly) return undefined;
    if (role === 'server') return withoutAsking(localId, localIds, find);
    const offers = candidates(localId, this.#disclosed(remoteId), find);
    return localId === undefined ? offers.find((each) => this.#canShow(each)) : offers[0];
  }

  /** Whether a person has a say in who a client shows itself as, should the server ask. */
  #asksPerson({ role, remoteId }: StartTlsRequest): boolean {
    const { chooser } = this.#services;
    return role === 'client' && chooser.wants(this.#disclosed(remoteId).entry);
  }

  #disclosed(remoteId: Donai | undefined): Disclosed {
    const { knowledge } = this.#services;
    const [entry] = remoteId === undefined ? [] : knowledge.disclosed(remoteId);
    return { isEmpty: knowledge.disclosesAll, entry };
  }

  #canShow({ identity }: Myself): boolean {
    try {
      return this.#services.credentials.handles(identity).handles.length > 0;
    } catch (error) {
      if (error instanceof TlspoolError && error.code === 'no-credential') return false;
      throw error;
    }
  }

  #asksForMyself({ role, localIdCheck }: StartTlsRequest, myself: Myself | undefined): boolean {
    return localIdCheck || (role === 'server' && myself === undefined);
  }

  /** Which local identity: by SNI, or as the application decides when it is asked. */
  hello({ serverName }: HelloEvent): void {
    this.#attempt(() => {
      if (this.#phase.is !== 'negotiating') return;
      const { request } = this.#phase;
      this.#phase.serverName = serverName;
      if (request.localIdCheck) {
        this.#propose(proposedName(request, serverName));
        return;
      }
      if (request.onTheFly) {
        this.#become(wantedName(request.localId, serverName, request.localIds));
        return;
      }
      const myself = bySni(serverName, request.localIds, this.#finder('server'));
      if (myself === undefined) {
        this.#fail(nobody(serverName, request.localIds), 'unrecognized_name');
      } else this.#show(myself);
    });
  }

  /** A client is asked who it is, and people or the application have a say in that. */
  certificateRequested(_event: CertificateRequestedEvent): void {
    this.#attempt(() => {
      const phase = this.#phase;
      if (phase.is !== 'negotiating') return;
      if (this.#asksPerson(phase.request)) this.#askPerson(phase.request);
      else this.#offer(this.#candidates(phase.request));
    });
  }

  #candidates({ localId, remoteId }: StartTlsRequest): Myself[] {
    return candidates(localId, this.#disclosed(remoteId), this.#finder('client'));
  }

  #askPerson({ localId, remoteId }: StartTlsRequest): void {
    const phase = this.#phase;
    if (phase.is !== 'negotiating' || remoteId === undefined) return;
    const { chooser, knowledge } = this.#services;
    const entries = knowledge.disclosed(remoteId);
    const find = this.#finder('client');
    const suggestion = localId ?? entries[0]?.locals.find((local) => find(local) !== undefined);
    const given = new AbortController();
    phase.callback = { cancel: () => given.abort() };
    chooser.choose({ remoteId, entries, suggestion, facts: this.facts }, given.signal).then(
      (choice) => this.#attempt(() => this.#personChose(choice)),
      (error: unknown) => this.#fail(error),
    );
  }

  /** @param choice undefined: nobody is there any more, so that it is as if nobody had been asked */
  #personChose(choice: PersonsChoice | undefined): void {
    const phase = this.#phase;
    if (phase.is !== 'negotiating') return;
    phase.callback = undefined;
    if (choice === undefined) {
      this.#offer(this.#candidates(phase.request));
      return;
    }
    phase.remember = choice.remember;
    const { localId } = choice;
    const find = this.#finder('client');
    if (localId !== undefined && choice.wait && find(localId) === undefined) {
      this.#awaitIdentity(localId);
      return;
    }
    this.#offer(localId === undefined ? [] : [requireIdentity(localId, find)]);
  }

  /** It is being made, by a person: the handshake's own time limits that. */
  #awaitIdentity(localId: Donai): void {
    const phase = this.#phase;
    if (phase.is !== 'negotiating') return;
    const look = async () => {
      await this.#services.knowledge.refresh();
      const identity = this.#finder('client')(localId);
      if (identity === undefined || this.#phase !== phase) return;
      clearInterval(timer);
      phase.callback = undefined;
      this.#attempt(() => this.#offer([{ name: localId, identity }]));
    };
    const timer = setInterval(() => {
      look().catch((error: unknown) => {
        clearInterval(timer);
        this.#fail(error);
      });
    }, LOOK_AGAIN);
    phase.callback = { cancel: () => clearInterval(timer) };
  }

  /** To the application if it wants to be asked, one after the other; otherwise the first that can be is shown. */
  #offer(offers: readonly Myself[]): void {
    const phase = this.#phase;
    if (phase.is !== 'negotiating') return;
    if (!phase.request.localIdCheck) {
      this.#showOrNothing(offers.find((each) => this.#canShow(each)));
      return;
    }
    const [next, ...others] = offers;
    phase.offers = others;
    this.#propose(next === undefined ? '' : formatDonai(next.name));
  }

  #showOrNothing(myself: Myself | undefined): void {
    if (myself !== undefined) this.#show(myself);
    else this.#engineAnswer((engine, id) => engine.chooseLocal(id, { credentials: [] }));
  }

  /** The application may choose another name, refuse, or accept by giving its plaintext socket. */
  #propose(name: string): void {
    const phase = this.#phase;
    if (phase.is !== 'negotiating') return;
    phase.callback = this.#requester.call(
      phase.request.requestId,
      [localIdProposal(phase.request, name)],
      (answer) => this.#attempt(() => this.#chosen(name, answer)),
    );
  }

  #chosen(proposed: string, answer: Answer): void {
    const phase = this.#phase;
    if (phase.is !== 'negotiating') {
      dropAnswer(answer);
      return;
    }
    phase.callback = undefined;
    const { name, plainFd } = readChoice(proposed, answer);
    phase.plainFd = plainFd;
    const { role, remoteId } = phase.request;
    if (name !== '') {
      const chosen = parseDonai(name);
      if (role === 'client' && name !== proposed) {
        requireDisclosed(chosen, this.#disclosed(remoteId));
      }
      if (role === 'server' && phase.request.onTheFly) this.#become(chosen);
      else this.#show(requireIdentity(chosen, this.#finder(role)));
    } else if (role === 'client') {
      if (phase.offers.length > 0) this.#offer(phase.offers);
      else this.#showOrNothing(undefined);
    } else this.#fail(nobody(phase.serverName, phase.request.localIds), 'unrecognized_name');
  }

  /** A server under that name: its own identity if there is one, else one that is made now. */
  #become(name: Donai | undefined): void {
    const phase = this.#phase;
    if (phase.is !== 'negotiating') return;
    if (name === undefined) {
      this.#fail(nobody(phase.serverName, phase.request.localIds), 'unrecognized_name');
      return;
    }
    const identity = this.#finder('server')(name);
    const { onTheFly } = this.#services;
    if (identity !== undefined) this.#show({ name, identity });
    else if (onTheFly === undefined) this.#fail(noSigner(name));
    else if (this.#mayProgram(name)) {
      onTheFly.identity(name).then(
        (made) => this.#attempt(() => this.#show({ name, identity: made, made: true })),
        (error: unknown) => this.#fail(error),
      );
    }
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
    else this.#validate(phase.peer, show);
  }

  /** What we show, and on what basis a session of before may be resumed. */
  #choice(request: StartTlsRequest, myself: Myself | undefined): LocalChoice {
    const { knowledge, credentials } = this.#services;
    const shown = myself && credentials.handles(myself.identity);
    const demand = this.#admission.demand(myself?.name, request.demand);
    const choice = { credentials: shown?.handles ?? [], peer: demand };
    // What must be validated now cannot rest on what was validated then.
    if (request.ignoreCaches) return choice;
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
      if (phase.is !== 'negotiating') return;
      phase.peer = event;
      if (phase.request.role === 'server') phase.serverName = event.serverName;
      this.#validate(event, (verdict) => {
        const name = phase.believed && writeBelieved(phase.believed);
        const known = name === undefined ? shownOnly : { name, until: verdict.until };
        this.#engineAnswer((engine, id) => engine.acceptPeer(id, known));
      });
    });
  }

  /** The session goes on only with whom it may. */
  #validate(peer: PeerFacts, accepted: (verdict: AcceptedRemote) => void): void {
    const phase = this.#phase;
    if (phase.is !== 'negotiating') return;
    const { request, serverName, patience } = phase;
    const question = remoteQuestion(
      request,
      this.facts,
      peer,
      serverName,
      this.#shown(phase),
      patience.signal,
    );
    this.#services.knowledge.validate(question).then(
      (verdict) => this.#attempt(() => this.#judged(verdict, accepted)),
      (error: unknown) => {
        if (!patience.signal.aborted) this.#fail(error);
      },
    );
  }

  #judged(verdict: RemoteVerdict, accepted: (verdict: AcceptedRemote) => void): void {
    const phase = this.#phase;
    if (phase.is !== 'negotiating') return;
    if (!verdict.ok && phase.peer !== undefined && this.#needNotKnow(phase)) {
      phase.believed = { ...nobodyBelieved, names: namesShown(phase.peer.chain) };
      this.#engineAnswer((engine, id) => engine.acceptPeer(id, shownOnly));
      return;
    }
    if (!verdict.ok) {
      this.#fail(refusedPeer(verdict.reason), verdict.alert);
      return;
    }
    phase.domainRepresented = verdict.domainRepresented;
    phase.believed = believedOf(verdict, phase.request.role);
    phase.firstUse = verdict.remember;
    accepted(verdict);
  }

  /** What we show, as far as that is decided. */
  #shown({ request, myself }: Negotiating): Shown | 'undecided' | undefined {
    if (myself !== undefined) return this.#services.credentials.handles(myself.identity);
    return this.#asksForMyself(request, myself) ? 'undecided' : undefined;
  }

  /** It was asked for the sake of rules only, and they let in those who show nothing: whoever proves nothing is nobody. */
  #needNotKnow({ request, demand, myself }: Negotiating): boolean {
    if (request.role === 'client' || request.demand !== 'ignore' || demand !== 'request')
      return false;
    // What our identity asks of the other side, nobody meets who proves nothing.
    return (
      myself !== undefined &&
      this.#services.credentials.handles(myself.identity).expressions.length === 0
    );
  }

  /** Both sides are through. Is everybody known who must be? Then the program gives its plaintext socket. */
  established(event: EstablishedEvent): void {
    this.#attempt(() => {
      const phase = this.#phase;
      if (phase.is !== 'negotiating') return;
      const { request, demand } = phase;
      const isNobody = event.peerName === '';
      if (isNobody && (request.role === 'client' || demand === 'require')) {
        this.#fail(refusedPeer('the other side did not show who it is'), 'certificate_required');
        return;
      }
      // It may show nothing, but our identity may still ask for something.
      if (isNobody && demand === 'request') {
        this.#validate({ ...event, chain: [], ocsp: undefined }, () => this.#agree(event));
      } else this.#agree(event);
    });
  }

  #agree(event: EstablishedEvent): void {
    const phase = this.#phase;
    if (phase.is !== 'negotiating') return;
    const { request, plainFd } = phase;
    const known = agreedOn(event, phase);
    const admitted = this.#admit(phase, known);
    if (admitted === 'denied') return;
    const agreed = { ...known, admitted };
    if (phase.remember !== undefined) this.#keep(phase.remember);
    phase.firstUse?.().catch((error: unknown) => this.#audit.fault(error));
    if (plainFd !== undefined) {
      phase.plainFd = undefined;
      this.#attach(request, agreed, plainFd, true);
      return;
    }
    const callback = this.#requester.call(
      request.requestId,
      plaintextCallback(request, agreed),
      (answer) => this.#attempt(() => this.#connected(answer)),
    );
    this.#phase = { is: 'connecting', request, agreed, callback };
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
    this.#attach(phase.request, phase.agreed, readPlaintext(answer), false);
  }

  /** The engine copies from here on; the program gets its final response. */
  #attach(request: StartTlsRequest, agreed: Agreed, plainFd: number, withDetails: boolean): void {
    try {
      this.#engineAnswer((engine, id) => engine.attach(id, plainFd));
    } catch (error) {
      throw refusedSocket(error, 'PLAIN_SOCKET_NEEDED');
    }
    this.#phase = { is: 'running', agreed };
    this.#keeper.established(this, request.detach);
    const responses = withDetails
      ? onlyResponse(request, agreed)
      : [finalResponse(request, agreed)];
    this.#requester.respond(request.requestId, ...responses);
    this.#audit.setUp(agreed);
  }

  /** The engine is done with it, however it ended. */
  closed(event: ClosedEvent): void {
    const phase = this.#phase;
    if (isOpen(phase)) {
      const failure = this.#missingCertificate(phase, event) ?? setUpFailure(event);
      this.#noteLostKey(phase, event);
      this.#settle(phase, failure);
      this.#audit.failed(failure, event.counters);
    } else if (phase.is === 'running') this.#audit.ended(phase.agreed, event);
    else if (phase.is === 'failed') this.#audit.failed(phase.error, event.counters);
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
  get running(): { readonly engineId: SessionId; readonly agreed: Agreed } | undefined {
    if (this.#phase.is !== 'running' || this.#engineId === undefined) return undefined;
    return { engineId: this.#engineId, agreed: this.#phase.agreed };
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

  #finder(role: TlsRole) {
    return (id: Donai) => this.#services.knowledge.localIdentity(id, role);
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

type OpenPhase = Extract<Phase, { readonly request: StartTlsRequest }>;

function isOpen(phase: Phase): phase is OpenPhase {
  return phase.is === 'preparing' || phase.is === 'negotiating' || phase.is === 'connecting';
}

/** SNI is the domain only: a user is never sent in the clear. */
function serverNameFor({ role, remoteId, withoutSni }: StartTlsRequest): string | undefined {
  return role === 'client' && !withoutSni ? remoteId?.domain : undefined;
}

function proposedName({ message }: StartTlsRequest, serverName: string | undefined): string {
  return serverName ?? message.localId;
}

/** For the engine: somebody was validated, but whom cannot be told to later sessions, so that none rests on it. */
const shownOnly = { name: '?', until: 0 };

/** What a certificate that proves nothing claims: a deny that matches counts all the same. */
function namesShown([leaf]: readonly Buffer[]): string[] {
  try {
    const { users, domains } = subjectNames(leaf ?? Buffer.alloc(0));
    return [...users, ...domains].map(formatDonai);
  } catch (error) {
    if (error instanceof DerError) return [];
    throw error;
  }
}

function agreedOn(event: EstablishedEvent, phase: Negotiating): Known {
  const { request, myself, serverName } = phase;
  // A resumed session rests on what was believed when it began: the ticket has it.
  const believed = phase.believed ?? readBelieved(event.peerName);
  const { version, cipher, group, alpn, resumed } = event;
  // A resumed session rests on what was shown when it began.
  const shown = myself !== undefined && (event.credential !== 0 || resumed);
  return {
    localId: shown ? formatDonai(myself.name) : '',
    remoteId: believed.remoteId,
    proven: believed.proven,
    validatedBy: believed.validatedBy,
    remoteNames: believed.names,
    madeOnTheFly: shown && myself.made === true,
    domainRepresented: phase.domainRepresented || (resumed && request.domainRepresentsUser),
    version,
    cipher,
    group,
    alpn,
    serverName: serverName ?? '',
    resumed,
  };
}
