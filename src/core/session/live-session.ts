import type {
  ClosedEvent,
  EstablishedEvent,
  HelloEvent,
  SessionId,
  VerifyPeerEvent,
} from '../engine/types.ts';
import { PoolError } from '../protocol/errors.ts';
import type { Agreed } from './agreed.ts';
import { LateAnswer } from './late-answer.ts';
import type { Myself } from './local-identity.ts';
import { Renewal } from './renewal.ts';
import { isTls13, type Renewed, type RenewedSession } from './renewed-session.ts';
import type { Requester } from './requester.ts';
import type { StartTlsRequest } from './start-tls-request.ts';

/** What does not change while data flows. */
type Fixed = Pick<RenewedSession, 'facts' | 'engineId' | 'services' | 'admission' | 'audit'>;

/** A session in which data flows: what holds in it now, and who asks anew who is who. */
export class LiveSession {
  readonly #fixed: Fixed;
  /** Of whom a client is asked who it is, when its server wants to know. */
  readonly #requester: Requester;
  #agreed: Agreed;
  #myself: Myself | undefined;
  #origin: StartTlsRequest | undefined;
  #renewal: Renewal | undefined;
  #late: LateAnswer | undefined;

  constructor(fixed: Fixed, requester: Requester, first: Renewed) {
    this.#fixed = fixed;
    this.#requester = requester;
    this.#agreed = first.agreed;
    this.#myself = first.myself;
    this.#origin = first.origin;
  }

  get agreed(): Agreed {
    return this.#agreed;
  }

  /** Who we are; undefined: nobody. */
  get myself(): Myself | undefined {
    return this.#myself;
  }

  get engineId(): SessionId {
    return this.#fixed.engineId;
  }

  /**
   * Who is the other side now? The answer goes to whom the session is attached to, who asks.
   * @throws PoolError RENOGIATE_NOT_INTERRUPTABLE, COMMAND_NOTIMPL
   */
  renew(request: StartTlsRequest, requester: Requester): void {
    if (this.#renewal !== undefined) {
      throw new PoolError('RENOGIATE_NOT_INTERRUPTABLE', 'the session is being renewed already');
    }
    if (this.#agreed.version === 'DTLSv1.2') {
      throw new PoolError(
        'COMMAND_NOTIMPL',
        'sessions of DTLS are not renewed',
        'Set up a new session.',
      );
    }
    const over = () => {
      this.#renewal = undefined;
    };
    this.#renewal = new Renewal(request, requester, this.#renewed(over));
    this.#renewal.start();
  }

  hello(event: HelloEvent): void {
    this.#renewal?.hello(event);
  }

  /** In TLS 1.3 a server asks at any time who we are, in TLS 1.2 within what it renews. */
  certificateRequested(): void {
    if (isTls13(this.#agreed)) this.#answerLate();
    else this.#renewal?.certificateRequested();
  }

  verifyPeer(event: VerifyPeerEvent): void {
    this.#renewal?.verifyPeer(event);
  }

  established(event: EstablishedEvent): void {
    (this.#late ?? this.#renewal)?.established(event);
  }

  closed(event: ClosedEvent): void {
    this.#renewal?.ended(event);
    this.#late?.ended();
  }

  #answerLate(): void {
    if (this.#late !== undefined) return;
    const over = () => {
      this.#late = undefined;
    };
    this.#late = new LateAnswer(this.#requester, this.#renewed(over));
    this.#late.start();
  }

  /** @param over forgets whoever asked */
  #renewed(over: () => void): RenewedSession {
    const live = this;
    return {
      ...this.#fixed,
      get agreed() {
        return live.#agreed;
      },
      get myself() {
        return live.#myself;
      },
      get origin() {
        return live.#origin;
      },
      over: (renewed) => {
        over();
        if (renewed === undefined) return;
        this.#agreed = renewed.agreed;
        this.#myself = renewed.myself;
        this.#origin = renewed.origin ?? this.#origin;
      },
    };
  }
}
