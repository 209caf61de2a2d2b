import type { EstablishedEvent, LocalChoice } from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import { formatDonai, parseDonai } from '../identity/donai.ts';
import { whenKept } from './first-use.ts';
import { IdentityExchange } from './identity-exchange.ts';
import { beginNegotiating, type Negotiating } from './negotiating.ts';
import type { RenewedSession } from './renewed-session.ts';
import type { Requester } from './requester.ts';
import type { StartTlsRequest } from './start-tls-request.ts';

/**
 * Who a client is, asked by its server in a session that runs (RFC 8446 section 4.6.2). It is decided as in a handshake:
 * by what the application said, disclosure and people. Whoever may not be shown is not: the server gets an empty answer,
 * and decides what that means. Nothing passes until it is given.
 */
export class LateAnswer {
  readonly #session: RenewedSession;
  readonly #exchange: IdentityExchange;
  #state: Negotiating | undefined;
  /** The session has ended: nobody asks any more. */
  #over = false;

  constructor(requester: Requester, session: RenewedSession) {
    this.#session = session;
    const { facts, admission, services } = session;
    const exchanging = {
      facts,
      admission,
      resumable: false,
      negotiation: () => this.#state,
      choose: (choice: LocalChoice) => this.#choose(choice),
      // The server was validated when it came.
      accept: () => {},
      attempt: (step: () => void) => this.#attempt(step),
      fail: (error: unknown) => this.#showNothing(error),
    };
    this.#exchange = new IdentityExchange(exchanging, requester, services);
  }

  start(): void {
    this.#begin().catch((error: unknown) => this.#showNothing(error));
  }

  async #begin(): Promise<void> {
    const { origin, engineId, services, agreed } = this.#session;
    const request = origin && unasked(origin, agreed.localId);
    if (request === undefined) {
      services.engine.chooseLocal(engineId, { credentials: [] });
      return;
    }
    await services.knowledge.refresh();
    if (this.#over) return;
    const { peer } = await services.engine.certificates(engineId);
    if (this.#over) return;
    const serverName = agreed.serverName || undefined;
    this.#state = beginNegotiating({ request, myself: undefined, serverName, demand: 'require' });
    // What our identity wants of the server is asked of what the server showed.
    this.#state.peer = { ...agreed, version: 'TLSv1.3', chain: peer, ocsp: 'forgotten' };
    this.#exchange.certificateRequested();
  }

  /** What our identity accepts of the server at its first use is written down before anything is shown. */
  #choose(choice: LocalChoice): void {
    const { services, engineId } = this.#session;
    const show = () => {
      if (!this.#over) services.engine.chooseLocal(engineId, choice);
    };
    whenKept(
      this.#state?.firstUse,
      () => this.#attempt(show),
      (error) => this.#showNothing(error),
    );
  }

  /** The server has our answer. */
  established({ credential }: EstablishedEvent): void {
    const { agreed, audit, services, over } = this.#session;
    const state = this.#close();
    const myself = credential === 0 ? undefined : state?.myself;
    if (state === undefined || myself === undefined) {
      over(undefined);
      return;
    }
    const { remember } = state;
    if (remember !== undefined) {
      services.remember(remember).catch((error: unknown) => audit.fault(error));
    }
    const renewed = { ...agreed, localId: formatDonai(myself.name) };
    over({ agreed: renewed, myself });
    audit.renewed(renewed);
  }

  /** The session has ended meanwhile. */
  ended(): void {
    this.#over = true;
    this.#close();
  }

  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#showNothing(error);
    }
  }

  #showNothing(error: unknown): void {
    if (this.#over) return;
    const { audit, services, engineId } = this.#session;
    this.#close();
    if (error instanceof TlspoolError) audit.notShown(error);
    else audit.fault(error);
    services.engine.chooseLocal(engineId, { credentials: [] });
  }

  #close(): Negotiating | undefined {
    const state = this.#state;
    this.#state = undefined;
    state?.patience.abort();
    state?.callback?.cancel();
    return state;
  }
}

/**
 * An application that wanted a say has been answered long ago, and cannot be asked again: only whom it agreed to show is
 * shown. undefined: nobody.
 */
function unasked(origin: StartTlsRequest, shown: string): StartTlsRequest | undefined {
  if (!origin.localIdCheck) return origin;
  if (shown === '') return undefined;
  return { ...origin, localIdCheck: false, localId: parseDonai(shown) };
}
