import { closeFd } from '../engine/sockets.ts';
import type {
  AlertName,
  ClosedEvent,
  EstablishedEvent,
  HelloEvent,
  LocalChoice,
  VerifyPeerEvent,
} from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import { nobodyBelieved } from '../trust/believed.ts';
import { type Admitted, isDenial, remoteOf } from './admission.ts';
import type { Agreed } from './agreed.ts';
import { agreedOn, type Known } from './agreement.ts';
import { commonNameOf } from './common-name.ts';
import { whenKept } from './first-use.ts';
import { type Accepted, IdentityExchange } from './identity-exchange.ts';
import type { Myself } from './local-identity.ts';
import { beginNegotiating, type Negotiating } from './negotiating.ts';
import { refusedPeer, setUpFailure, tellable } from './outcome.ts';
import {
  confirmLocalId,
  myselfAnew,
  notRenewed,
  renewalRequest,
  superfluousSocket,
} from './renewal-request.ts';
import { isTls13, type RenewedSession } from './renewed-session.ts';
import type { Requester } from './requester.ts';
import { onlyResponse } from './responses.ts';
import type { StartTlsRequest } from './start-tls-request.ts';

/**
 * Who is who, asked anew in a session that runs (RENEGOTIATE). In TLS 1.3 a server asks its client by post-handshake
 * authentication (RFC 8446 section 4.6.2); where nobody is to be asked, keys are changed (section 4.6.3). TLS 1.2 is
 * renegotiated. From the other side's answer to our verdict nothing passes; whoever is not let in loses the session.
 */
export class Renewal {
  readonly #session: RenewedSession;
  readonly #requester: Requester;
  readonly #exchange: IdentityExchange;
  #state: Negotiating | undefined;

  /** @throws PosixError the request does not fit the session */
  constructor(request: StartTlsRequest, requester: Requester, session: RenewedSession) {
    this.#session = session;
    this.#requester = requester;
    const { facts, agreed, myself, admission, services, engineId } = session;
    this.#state = beginNegotiating({
      request: renewalRequest(request, session),
      myself,
      serverName: agreed.serverName || undefined,
      demand: request.demand,
    });
    const exchanging = {
      facts,
      admission,
      resumable: false,
      negotiation: () => this.#state,
      choose: (choice: LocalChoice) => services.engine.chooseLocal(engineId, choice),
      accept: (accepted: Accepted) => this.#accept(accepted),
      attempt: (step: () => void) => this.#attempt(step),
      fail: (error: unknown, alert?: AlertName) => this.#fail(error, alert),
    };
    this.#exchange = new IdentityExchange(exchanging, requester, services);
  }

  start(): void {
    this.#ask().catch((error: unknown) => this.#decline(error));
  }

  async #ask(): Promise<void> {
    const { services, agreed } = this.#session;
    await services.knowledge.refresh();
    const state = this.#state;
    if (state === undefined) return;
    if (isTls13(agreed)) await this.#askLater(state);
    else await this.#renegotiate(state);
  }

  /** A client is asked, or keys are changed. We stay who we are. */
  async #askLater(state: Negotiating): Promise<void> {
    const { services, engineId, admission } = this.#session;
    if (state.request.localIdCheck) {
      await confirmLocalId(this.#requester, state, this.#session.agreed.localId);
      if (this.#state === undefined) return;
    }
    const { agreed, myself } = this.#session;
    admission.requireProgram(myself?.name);
    const { demand, timeout } = state.request;
    // Whoever has shown who it is need not do so again where nobody is to be asked.
    const known = demand === 'ignore' && agreed.remoteNames.length > 0;
    state.demand = known ? 'ignore' : this.#exchange.demand(demand, myself);
    const local = { credentials: [] };
    const outcome = await services.engine.renew(engineId, { peer: state.demand, local, timeout });
    if (outcome === 'rekeyed') {
      this.#attempt(() => this.#settle(this.#session.agreed, this.#session.myself));
    } else if (outcome !== 'asked') throw notRenewed[outcome]();
  }

  /** A new handshake, in which we may be somebody else. */
  async #renegotiate(state: Negotiating): Promise<void> {
    const { services, engineId, admission } = this.#session;
    const { presentation } = this.#exchange;
    const asksPerson = presentation.asksPerson(state.request);
    const myself = asksPerson ? undefined : myselfAnew(presentation, state.request, this.#session);
    admission.requireProgram(myself?.name);
    state.myself = myself;
    state.demand = this.#exchange.demand(state.request.demand, myself);
    const asks = asksPerson || presentation.asksForMyself(state.request, myself);
    const local = asks ? 'ask' : this.#exchange.choice(state.request, myself);
    const { timeout } = state.request;
    const outcome = await services.engine.renew(engineId, { peer: state.demand, local, timeout });
    if (outcome !== 'renegotiating') throw notRenewed[outcome]();
  }

  hello(event: HelloEvent): void {
    this.#exchange.hello(event);
  }

  certificateRequested(): void {
    this.#exchange.certificateRequested();
  }

  /** The other side has answered; a client that was asked later may have shown nothing. */
  verifyPeer(event: VerifyPeerEvent): void {
    if (event.chain.length === 0 && this.#state?.demand === 'require') {
      this.#fail(refusedPeer('the other side did not show who it is'), 'certificate_required');
    } else this.#exchange.verifyPeer(event);
  }

  /** The renegotiation is through. The other side may have taken its time. */
  established(event: EstablishedEvent): void {
    const agree = () => {
      const state = this.#state;
      if (state === undefined) return;
      const { alpn } = this.#session.agreed;
      // What a renegotiation leaves as it is (RFC 7301 has nothing to say of it).
      this.#settle({ ...agreedOn(event, state), alpn }, state.myself);
    };
    Promise.resolve(this.#session.services.knowledge.refresh()).then(
      () => this.#attempt(() => this.#exchange.complete(event, agree)),
      (error: unknown) => this.#fail(error),
    );
  }

  /** The session has ended meanwhile. */
  ended(event: ClosedEvent): void {
    if (this.#state !== undefined) this.#decline(setUpFailure(event));
  }

  /** In a handshake it is for the engine to go on; whoever was asked later has said it all. */
  #accept(accepted: Accepted): void {
    const { agreed, myself, services, engineId } = this.#session;
    const state = this.#state;
    if (state === undefined) return;
    if (!isTls13(agreed)) {
      services.engine.acceptPeer(engineId, accepted);
      return;
    }
    const { remoteId, proven, validatedBy, names } = state.believed ?? nobodyBelieved;
    const known = {
      ...agreed,
      remoteId,
      proven,
      validatedBy,
      remoteNames: names,
      domainRepresented: state.domainRepresented,
      commonName: proven ? commonNameOf(state.peer?.chain[0] ?? Buffer.alloc(0)) : '',
    };
    this.#settle(known, myself);
  }

  /** Who is who is known: may that be? */
  #settle(known: Known, myself: Myself | undefined): void {
    const state = this.#state;
    if (state === undefined) return;
    const { admission, facts } = this.#session;
    admission.requireProgramStill(myself?.name);
    let admitted: Admitted | undefined;
    if (facts.role === 'server' && myself !== undefined) {
      const outcome = admission.decide(myself.name, remoteOf(known));
      if (isDenial(outcome)) {
        this.#fail(outcome.error, outcome.alert);
        return;
      }
      admitted = outcome;
    }
    whenKept(
      state.firstUse,
      () => this.#attempt(() => this.#done({ ...known, admitted }, myself)),
      (error) => this.#fail(error),
    );
  }

  #done(agreed: Agreed, myself: Myself | undefined): void {
    const state = this.#close();
    if (state === undefined) return;
    const { services, engineId, audit } = this.#session;
    if (state.remember !== undefined) {
      services.remember(state.remember).catch((error: unknown) => audit.fault(error));
    }
    services.engine.acceptPeer(engineId, { name: '', until: 0 });
    const { origin } = this.#session;
    this.#session.over({
      agreed,
      myself,
      origin: origin && { ...origin, localId: state.request.localId },
    });
    this.#requester.respond(state.request.requestId, ...onlyResponse(state.request, agreed));
    audit.renewed(agreed);
  }

  #attempt(step: () => void): void {
    try {
      if (this.#state?.plainFd !== undefined) throw superfluousSocket();
      step();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The other side is not let in, or we cannot tell whether it is to be: the session ends. */
  #fail(error: unknown, alert: AlertName = 'internal_error'): void {
    if (this.#state === undefined) return;
    const told = this.#decline(error);
    const { services, engineId } = this.#session;
    services.engine.refuse(engineId, alert, told.message);
  }

  /** Nothing comes of it; the session stays what it is. */
  #decline(error: unknown): TlspoolError {
    const told = tellable(error);
    const state = this.#close();
    if (state === undefined) return told;
    const { audit, over } = this.#session;
    if (!(error instanceof TlspoolError)) audit.fault(error);
    over(undefined);
    this.#requester.fail(state.request.requestId, told);
    return told;
  }

  #close(): Negotiating | undefined {
    const state = this.#state;
    this.#state = undefined;
    state?.patience.abort();
    state?.callback?.cancel();
    if (state?.plainFd !== undefined) closeFd(state.plainFd);
    return state;
  }
}
