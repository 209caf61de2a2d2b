import type {
  AlertName,
  EstablishedEvent,
  HelloEvent,
  LocalChoice,
  PeerDemand,
  Resumption,
  VerifyPeerEvent,
} from '../engine/types.ts';
import { type Donai, formatDonai } from '../identity/donai.ts';
import { type Believed, writeBelieved } from '../trust/believed.ts';
import type { Expression } from '../trust/expression.ts';
import { asksForCertificate } from '../trust/predicates/session-facts.ts';
import type { AcceptedRemote } from '../trust/remote-question.ts';
import type { Admission } from './admission.ts';
import type { SessionFacts } from './facts.ts';
import type { Myself } from './local-identity.ts';
import type { Negotiating } from './negotiating.ts';
import { refusedPeer } from './outcome.ts';
import { PeerJudgement } from './peer-judgement.ts';
import { Presentation } from './presentation.ts';
import type { Requester } from './requester.ts';
import { resumptionFor } from './resumption.ts';
import type { Services } from './services.ts';
import type { StartTlsRequest } from './start-tls-request.ts';

/** What the engine is told of somebody who was validated: a name that tickets keep, and until when it holds. */
export interface Accepted {
  readonly name: string;
  /** Epoch seconds; 0: nothing may be resumed upon it. */
  readonly until: number;
}

/** The session in which identities are exchanged, by a first handshake or a later one. */
export interface ExchangingSession {
  readonly facts: SessionFacts;
  readonly admission: Admission;
  /** Whether later sessions may rest on this handshake. */
  readonly resumable: boolean;
  /** undefined: the handshake is over, one way or the other. */
  negotiation(): Negotiating | undefined;
  /** Tells the engine what to show. */
  choose(choice: LocalChoice): void;
  /** Tells the engine to go on with the other side. */
  accept(accepted: Accepted): void;
  /** What the step throws, the session fails of. */
  attempt(step: () => void): void;
  fail(error: unknown, alert?: AlertName): void;
}

/** Who are we, and who is the other side: one handshake, from its first question to the last. */
export class IdentityExchange {
  readonly presentation: Presentation;
  readonly #judgement: PeerJudgement;
  readonly #session: ExchangingSession;
  readonly #services: Services;
  /** Generation of trust by which a session of before may be resumed, and the other side is judged. */
  #trustedAt: number | undefined;

  constructor(session: ExchangingSession, requester: Requester, services: Services) {
    this.#session = session;
    this.#services = services;
    const { facts } = session;
    const parts = {
      facts,
      negotiation: () => session.negotiation(),
      mayProgram: (name: Donai) => this.#mayProgram(name),
      show: (myself: Myself) => this.#show(myself),
      showNothing: () => this.#showNothing(),
      letThrough: () => session.accept(shownOnly),
      attempt: (step: () => void) => session.attempt(step),
      fail: (error: unknown, alert?: AlertName) => session.fail(error, alert),
    };
    this.presentation = new Presentation(parts, requester, services);
    this.#judgement = new PeerJudgement(parts, this.presentation, services);
  }

  /** Which local identity: by SNI, or as the application decides when it is asked. */
  hello(event: HelloEvent): void {
    this.presentation.hello(event);
  }

  /** A client is asked who it is, and people or the application have a say in that. */
  certificateRequested(): void {
    this.presentation.certificateRequested();
  }

  /** Who is the peer? What it shows may be nothing, where it was asked after its handshake. */
  verifyPeer(event: VerifyPeerEvent): void {
    this.#session.attempt(() => {
      const state = this.#session.negotiation();
      if (state === undefined) return;
      if (event.chain.length > 0) state.peer = event;
      if (state.request.role === 'server') state.serverName = event.serverName;
      this.#judgement.validate(event, (verdict) =>
        this.#session.accept(acceptedAs(state.believed, verdict)),
      );
    });
  }

  /** Both sides are through. Is everybody known who must be? */
  complete(event: EstablishedEvent, agree: () => void): void {
    const state = this.#session.negotiation();
    if (state === undefined) return;
    const { request, demand, peer } = state;
    if (request.role === 'server' && event.resumed && this.#isOutdated()) {
      const anew = 'trust has changed since it came: it has to begin anew';
      this.#session.fail(refusedPeer(anew), 'access_denied');
      return;
    }
    // It may have shown its certificate, and waited with the rest of its handshake.
    if (request.role === 'server' && peer !== undefined && this.#isOutdated()) {
      this.#judgement.validate(peer, agree, agree);
      return;
    }
    const isNobody = event.peerName === '';
    if (isNobody && (request.role === 'client' || demand === 'require')) {
      this.#session.fail(
        refusedPeer('the other side did not show who it is'),
        'certificate_required',
      );
      return;
    }
    // It may show nothing, but our identity may still ask for something.
    if (isNobody && (demand === 'request' || this.#wishes(state.myself).length > 0)) {
      this.#judgement.validate({ ...event, chain: [], ocsp: undefined }, agree);
    } else agree();
  }

  /** What is asked of the other side: what the program wants, or what rules or our own identity need if that is more. */
  demand(wanted: PeerDemand, myself: Myself | undefined): PeerDemand {
    const { admission, facts } = this.#session;
    const demand = admission.demand(myself?.name, wanted);
    if (facts.role === 'client' || demand !== 'ignore') return demand;
    return this.#wishes(myself).some(asksForCertificate) ? 'request' : demand;
  }

  /** What our identity asks of the other side. */
  #wishes(myself: Myself | undefined): readonly Expression[] {
    return myself === undefined
      ? []
      : this.#services.credentials.handles(myself.identity).expressions;
  }

  /**
   * What we show, and on what basis a session of before may be resumed.
   * @param decided false: somebody is asked about it first, if the other side wants to know
   */
  choice(request: StartTlsRequest, myself: Myself | undefined, decided = true): LocalChoice {
    const { knowledge, credentials } = this.#services;
    this.#trustedAt = knowledge.trustGeneration;
    const shown = myself && credentials.handles(myself.identity);
    const demand = this.demand(request.demand, myself);
    const choice = { credentials: shown?.handles ?? [], peer: demand };
    // What must be validated now cannot rest on what was validated then; datagrams begin anew always.
    if (request.ignoreCaches || request.datagrams || !this.#session.resumable) return choice;
    const resumption = resumptionFor({
      role: request.role,
      localId: myself === undefined ? '' : formatDonai(myself.name),
      remoteId: request.remoteId === undefined ? '' : formatDonai(request.remoteId),
      service: request.service,
      demand,
      domainRepresentsUser: request.domainRepresentsUser,
      trustGeneration: knowledge.trustGeneration,
      credentials: shown?.fingerprint ?? '',
      decided,
      scope: request.resumptionScope ?? '',
    });
    return { ...choice, resumption };
  }

  /**
   * A client that the server does not ask shows nothing, whoever would have had a say. One that was asked, and answered
   * with nothing, had its say: that session is not resumed.
   */
  basisUnasked(request: StartTlsRequest): Resumption | undefined {
    return request.role === 'client'
      ? this.choice(request, undefined, false).resumption
      : undefined;
  }

  /** Whether the program may act as that identity; otherwise it has failed by now. */
  #mayProgram(name: Donai): boolean {
    try {
      this.#session.admission.requireProgram(name);
      return true;
    } catch (error) {
      // To the other side it is as if we were nobody of that name.
      this.#session.fail(error, 'unrecognized_name');
      return false;
    }
  }

  #showNothing(): void {
    const state = this.#session.negotiation();
    if (state !== undefined) this.#session.choose(this.choice(state.request, undefined));
  }

  #show(myself: Myself): void {
    const state = this.#session.negotiation();
    if (state === undefined || !this.#mayProgram(myself.name)) return;
    state.myself = myself;
    state.demand = this.demand(state.request.demand, myself);
    const show = () => this.#session.choose(this.choice(state.request, myself));
    if (state.peer === undefined || this.#wishes(myself).length === 0) show();
    // A client validates before it is asked who it is: now it is known what its identity wants of the other side.
    else this.#judgement.validate(state.peer, show);
  }

  /**
   * A client may come with its ticket or show its certificate, and wait. Servers answer at once, and first uses of others
   * change trust, too.
   */
  #isOutdated(): boolean {
    return this.#trustedAt !== this.#services.knowledge.trustGeneration;
  }
}

function acceptedAs(believed: Believed | undefined, { until, remember }: AcceptedRemote): Accepted {
  const name = believed && writeBelieved(believed);
  // What is not remembered yet, no later session may rest on.
  return name === undefined || remember !== undefined ? shownOnly : { name, until };
}

/** Somebody was validated, but whom cannot be told to later sessions, so that none rests on it. */
const shownOnly: Accepted = { name: '?', until: 0 };
