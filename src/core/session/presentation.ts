import type { AlertName, HelloEvent, TlsRole } from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import { type Donai, formatDonai, parseDonai } from '../identity/donai.ts';
import { dropAnswer, readChoice } from './answers.ts';
import type { PersonsChoice } from './chooser.ts';
import { candidates, type Disclosed, requireDisclosed } from './client-identity.ts';
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
import type { Negotiating } from './negotiating.ts';
import type { Answer, Requester } from './requester.ts';
import { localIdProposal } from './responses.ts';
import type { Services } from './services.ts';
import type { StartTlsRequest } from './start-tls-request.ts';

/** The session in which somebody is shown. */
export interface PresentingSession {
  readonly facts: SessionFacts;
  /** undefined: the handshake is over, one way or the other. */
  negotiation(): Negotiating | undefined;
  /** Whether the program may act as that identity; otherwise the session has failed by now. */
  mayProgram(name: Donai): boolean;
  /** That is who we are. */
  show(myself: Myself): void;
  /** Clients: we are nobody. */
  showNothing(): void;
  /** What the step throws, the session fails of. */
  attempt(step: () => void): void;
  fail(error: unknown, alert?: AlertName): void;
}

/** ms between looks for an identity that is being made. */
const LOOK_AGAIN = 200;

/** Who we are in one session: what the application says, SNI, disclosure, and people who are asked. */
export class Presentation {
  readonly #session: PresentingSession;
  readonly #requester: Requester;
  readonly #services: Services;

  constructor(session: PresentingSession, requester: Requester, services: Services) {
    this.#session = session;
    this.#requester = requester;
    this.#services = services;
  }

  /** Which local identity: the application's, or the listener's only one. */
  myselfAtOnce(request: StartTlsRequest): Myself | undefined {
    const { role, localId, localIds, localIdCheck, onTheFly, remoteId } = request;
    const find = this.#finder(role);
    if (localIdCheck || onTheFly) return undefined;
    if (role === 'server') return withoutAsking(localId, localIds, find);
    const offers = candidates(localId, this.#disclosed(remoteId), find);
    return localId === undefined ? offers.find((each) => this.#canShow(each)) : offers[0];
  }

  /** Whether a person has a say in who a client shows itself as, should the server ask. */
  asksPerson({ role, remoteId }: StartTlsRequest): boolean {
    const { chooser } = this.#services;
    return role === 'client' && chooser.wants(this.#disclosed(remoteId).entry);
  }

  /** Whether a ClientHello or the application says who we are. */
  asksForMyself({ role, localIdCheck }: StartTlsRequest, myself: Myself | undefined): boolean {
    return localIdCheck || (role === 'server' && myself === undefined);
  }

  /** Which local identity: by SNI, or as the application decides when it is asked. */
  hello({ serverName }: HelloEvent): void {
    this.#session.attempt(() => {
      const phase = this.#session.negotiation();
      if (phase === undefined) return;
      const { request } = phase;
      phase.serverName = serverName;
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
        this.#session.fail(nobody(serverName, request.localIds), 'unrecognized_name');
      } else this.#session.show(myself);
    });
  }

  /** A client is asked who it is, and people or the application have a say in that. */
  certificateRequested(): void {
    this.#session.attempt(() => {
      const phase = this.#session.negotiation();
      if (phase === undefined) return;
      if (this.asksPerson(phase.request)) this.#askPerson(phase.request);
      else this.#offer(this.#candidates(phase.request));
    });
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

  #candidates({ localId, remoteId }: StartTlsRequest): Myself[] {
    return candidates(localId, this.#disclosed(remoteId), this.#finder('client'));
  }

  #askPerson({ localId, remoteId }: StartTlsRequest): void {
    const phase = this.#session.negotiation();
    if (phase === undefined || remoteId === undefined) return;
    const { chooser, knowledge } = this.#services;
    const entries = knowledge.disclosed(remoteId);
    const find = this.#finder('client');
    const suggestion = localId ?? entries[0]?.locals.find((local) => find(local) !== undefined);
    const given = new AbortController();
    phase.callback = { cancel: () => given.abort() };
    chooser
      .choose({ remoteId, entries, suggestion, facts: this.#session.facts }, given.signal)
      .then(
        (choice) => this.#session.attempt(() => this.#personChose(choice)),
        (error: unknown) => this.#session.fail(error),
      );
  }

  /** @param choice undefined: nobody is there any more, so that it is as if nobody had been asked */
  #personChose(choice: PersonsChoice | undefined): void {
    const phase = this.#session.negotiation();
    if (phase === undefined) return;
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
    const phase = this.#session.negotiation();
    if (phase === undefined) return;
    const look = async () => {
      await this.#services.knowledge.refresh();
      const identity = this.#finder('client')(localId);
      if (identity === undefined || this.#session.negotiation() !== phase) return;
      clearInterval(timer);
      phase.callback = undefined;
      this.#session.attempt(() => this.#offer([{ name: localId, identity }]));
    };
    const timer = setInterval(() => {
      look().catch((error: unknown) => {
        clearInterval(timer);
        this.#session.fail(error);
      });
    }, LOOK_AGAIN);
    phase.callback = { cancel: () => clearInterval(timer) };
  }

  /** To the application if it wants to be asked, one after the other; otherwise the first that can be is shown. */
  #offer(offers: readonly Myself[]): void {
    const phase = this.#session.negotiation();
    if (phase === undefined) return;
    if (!phase.request.localIdCheck) {
      this.#showOrNothing(offers.find((each) => this.#canShow(each)));
      return;
    }
    const [next, ...others] = offers;
    phase.offers = others;
    this.#propose(next === undefined ? '' : formatDonai(next.name));
  }

  #showOrNothing(myself: Myself | undefined): void {
    if (myself !== undefined) this.#session.show(myself);
    else this.#session.showNothing();
  }

  /** The application may choose another name, refuse, or accept by giving its plaintext socket. */
  #propose(name: string): void {
    const phase = this.#session.negotiation();
    if (phase === undefined) return;
    phase.callback = this.#requester.call(
      phase.request.requestId,
      [localIdProposal(phase.request, name)],
      (answer) => this.#session.attempt(() => this.#chosen(name, answer)),
    );
  }

  #chosen(proposed: string, answer: Answer): void {
    const phase = this.#session.negotiation();
    if (phase === undefined) {
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
      else this.#session.show(requireIdentity(chosen, this.#finder(role)));
    } else if (role === 'client') {
      if (phase.offers.length > 0) this.#offer(phase.offers);
      else this.#session.showNothing();
    } else
      this.#session.fail(nobody(phase.serverName, phase.request.localIds), 'unrecognized_name');
  }

  /** A server under that name: its own identity if there is one, else one that is made now. */
  #become(name: Donai | undefined): void {
    const phase = this.#session.negotiation();
    if (phase === undefined) return;
    if (name === undefined) {
      this.#session.fail(nobody(phase.serverName, phase.request.localIds), 'unrecognized_name');
      return;
    }
    const identity = this.#finder('server')(name);
    const { onTheFly } = this.#services;
    if (identity !== undefined) this.#session.show({ name, identity });
    else if (onTheFly === undefined) this.#session.fail(noSigner(name));
    else if (this.#session.mayProgram(name)) {
      onTheFly.identity(name).then(
        (made) =>
          this.#session.attempt(() => this.#session.show({ name, identity: made, made: true })),
        (error: unknown) => this.#session.fail(error),
      );
    }
  }

  #finder(role: TlsRole) {
    return (id: Donai) => this.#services.knowledge.localIdentity(id, role);
  }
}

function proposedName({ message }: StartTlsRequest, serverName: string | undefined): string {
  return serverName ?? message.localId;
}
