import type { AlertName } from '../engine/types.ts';
import { formatDonai } from '../identity/donai.ts';
import { nobodyBelieved } from '../trust/believed.ts';
import { DerError } from '../trust/der.ts';
import type { AcceptedRemote, RemoteVerdict } from '../trust/remote-question.ts';
import { subjectNames } from '../trust/subject-names.ts';
import type { Shown } from './credentials.ts';
import type { SessionFacts } from './facts.ts';
import type { Negotiating } from './negotiating.ts';
import { refusedPeer } from './outcome.ts';
import type { Presentation } from './presentation.ts';
import { believedOf, type PeerFacts, remoteQuestion } from './remote-validation.ts';
import type { Services } from './services.ts';

/** The session whose other side is judged. */
export interface JudgingSession {
  readonly facts: SessionFacts;
  /** undefined: the handshake is over, one way or the other. */
  negotiation(): Negotiating | undefined;
  /** It need not be known who the other side is. */
  letThrough(): void;
  /** What the step throws, the session fails of. */
  attempt(step: () => void): void;
  fail(error: unknown, alert?: AlertName): void;
}

/** Who is the other side, in one session? */
export class PeerJudgement {
  readonly #session: JudgingSession;
  readonly #presentation: Presentation;
  readonly #services: Services;

  constructor(session: JudgingSession, presentation: Presentation, services: Services) {
    this.#session = session;
    this.#presentation = presentation;
    this.#services = services;
  }

  /** The session goes on only with whom it may. @param letThrough it need not be known who that is */
  validate(
    peer: PeerFacts,
    accepted: (verdict: AcceptedRemote) => void,
    letThrough: () => void = () => this.#session.letThrough(),
  ): void {
    const phase = this.#session.negotiation();
    if (phase === undefined) return;
    const { request, serverName, patience } = phase;
    const question = remoteQuestion(
      request,
      this.#session.facts,
      peer,
      serverName,
      this.#shown(phase),
      patience.signal,
    );
    this.#services.knowledge.validate(question).then(
      (verdict) => this.#session.attempt(() => this.#judged(verdict, accepted, letThrough)),
      (error: unknown) => {
        if (!patience.signal.aborted) this.#session.fail(error);
      },
    );
  }

  #judged(
    verdict: RemoteVerdict,
    accepted: (verdict: AcceptedRemote) => void,
    letThrough: () => void,
  ): void {
    const phase = this.#session.negotiation();
    if (phase === undefined) return;
    if (!verdict.ok && phase.peer !== undefined && this.#needNotKnow(phase)) {
      phase.believed = { ...nobodyBelieved, names: namesShown(phase.peer.chain) };
      letThrough();
      return;
    }
    if (!verdict.ok) {
      this.#session.fail(refusedPeer(verdict.reason), verdict.alert);
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
    return this.#presentation.asksForMyself(request, myself) ? 'undecided' : undefined;
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
}

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
