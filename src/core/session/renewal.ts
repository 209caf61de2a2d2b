import type { AlertName, ClosedEvent, SessionId, VerifyPeerEvent } from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import { formatDonai } from '../identity/donai.ts';
import { PoolError, PosixError } from '../protocol/errors.ts';
import { nobodyBelieved } from '../trust/believed.ts';
import { type Admission, isDenial, remoteOf } from './admission.ts';
import type { Agreed } from './agreed.ts';
import type { Audit } from './audit.ts';
import { commonNameOf } from './common-name.ts';
import type { SessionFacts } from './facts.ts';
import { whenKept } from './first-use.ts';
import type { Myself } from './local-identity.ts';
import { refusedPeer, setUpFailure, tellable } from './outcome.ts';
import { PeerJudgement } from './peer-judgement.ts';
import { beginNegotiating, type Negotiating } from './phase.ts';
import type { Presentation } from './presentation.ts';
import type { Requester } from './requester.ts';
import { onlyResponse } from './responses.ts';
import type { Services } from './services.ts';
import type { StartTlsRequest } from './start-tls-request.ts';

/** The session that runs meanwhile. */
export interface RenewedSession {
  readonly facts: SessionFacts;
  readonly engineId: SessionId;
  readonly agreed: Agreed;
  /** Who we are; undefined: nobody. */
  readonly myself: Myself | undefined;
  readonly services: Services;
  readonly admission: Admission;
  readonly presentation: Presentation;
  readonly audit: Audit;
  /** It is over; what is agreed on from now on, if that has changed. */
  over(agreed: Agreed | undefined): void;
}

/**
 * Who is the other side, asked anew in a session that runs (RENEGOTIATE). In TLS 1.3 a server asks its client by
 * post-handshake authentication (RFC 8446 section 4.6.2); where nobody is to be asked, keys are changed (section 4.6.3).
 * From the client's answer to our verdict nothing passes; whoever is not let in loses the session.
 */
export class Renewal {
  readonly #session: RenewedSession;
  readonly #requester: Requester;
  readonly #judgement: PeerJudgement;
  #state: Negotiating | undefined;

  constructor(request: StartTlsRequest, requester: Requester, session: RenewedSession) {
    this.#session = session;
    this.#requester = requester;
    const { facts, agreed, myself, presentation, services } = session;
    this.#state = beginNegotiating({
      request: { ...request, service: facts.service },
      myself,
      serverName: agreed.serverName || undefined,
      demand: request.demand,
    });
    const judging = {
      facts,
      negotiation: () => this.#state,
      letThrough: () => this.#agree(),
      attempt: (step: () => void) => this.#attempt(step),
      fail: (error: unknown, alert?: AlertName) => this.#fail(error, alert),
    };
    this.#judgement = new PeerJudgement(judging, presentation, services);
  }

  start(): void {
    this.#ask().catch((error: unknown) => this.#decline(error));
  }

  async #ask(): Promise<void> {
    const { engineId, services, admission, myself } = this.#session;
    await services.knowledge.refresh();
    const state = this.#state;
    if (state === undefined) return;
    refuseOtherIdentity(state.request, this.#session);
    admission.requireProgram(myself?.name);
    state.demand = admission.demand(myself?.name, state.request.demand);
    const outcome = await services.engine.renew(engineId, state.demand, state.request.timeout);
    if (outcome === 'rekeyed') this.#done(this.#session.agreed);
    else if (outcome !== 'asked') throw impossible[outcome]();
  }

  /** The client has answered; what it showed may be nothing. */
  verifyPeer(event: VerifyPeerEvent): void {
    this.#attempt(() => {
      const state = this.#state;
      if (state === undefined) return;
      if (event.chain.length > 0) state.peer = event;
      else if (state.demand === 'require') {
        this.#fail(refusedPeer('the other side did not show who it is'), 'certificate_required');
        return;
      }
      this.#judgement.validate(event, () => this.#agree());
    });
  }

  /** The session has ended meanwhile. */
  ended(event: ClosedEvent): void {
    if (this.#state !== undefined) this.#decline(setUpFailure(event));
  }

  #agree(): void {
    const state = this.#state;
    if (state === undefined) return;
    const { agreed: before, myself, admission } = this.#session;
    const { remoteId, proven, validatedBy, names } = state.believed ?? nobodyBelieved;
    const known = {
      ...before,
      remoteId,
      proven,
      validatedBy,
      remoteNames: names,
      domainRepresented: state.domainRepresented,
      commonName: proven ? commonNameOf(state.peer?.chain[0] ?? Buffer.alloc(0)) : '',
    };
    const outcome = myself && admission.decide(myself.name, remoteOf(known));
    if (outcome !== undefined && isDenial(outcome)) {
      this.#fail(outcome.error, outcome.alert);
      return;
    }
    whenKept(
      state.firstUse,
      () => this.#attempt(() => this.#accept({ ...known, admitted: outcome })),
      (error) => this.#fail(error),
    );
  }

  #accept(agreed: Agreed): void {
    if (this.#state === undefined) return;
    const { engineId, services } = this.#session;
    services.engine.acceptPeer(engineId, { name: '', until: 0 });
    this.#done(agreed);
  }

  #done(agreed: Agreed): void {
    const state = this.#close();
    if (state === undefined) return;
    const { audit, over } = this.#session;
    over(agreed);
    this.#requester.respond(state.request.requestId, ...onlyResponse(state.request, agreed));
    audit.renewed(agreed);
  }

  #attempt(step: () => void): void {
    try {
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
    return state;
  }
}

/** Who we are cannot change any more. @throws PosixError */
function refuseOtherIdentity(
  { role, localId }: StartTlsRequest,
  { facts, agreed }: RenewedSession,
): void {
  if (role !== facts.role) {
    throw new PosixError('EINVAL', `this session is that of a ${facts.role}`);
  }
  if (localId === undefined || formatDonai(localId) === agreed.localId) return;
  const who = agreed.localId === '' ? 'nobody' : agreed.localId;
  throw new PosixError('EINVAL', `in this session we are ${who}, and stay so`);
}

const impossible = {
  busy: () =>
    new PoolError(
      'RENOGIATE_NOT_INTERRUPTABLE',
      'the session is about to end, or is being renewed already',
    ),
  unable: () =>
    new PoolError(
      'RENOGIATE_NOT_INTERRUPTABLE',
      'the client did not say that it can be asked after the handshake',
      'Ask during the handshake, or use IGNORE_REMOTEID to change keys only.',
    ),
  tls12: () =>
    new PoolError('COMMAND_NOTIMPL', 'sessions of TLS 1.2 are not renegotiated, only those of 1.3'),
} as const;
