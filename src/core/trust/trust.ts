import { X509Certificate } from 'node:crypto';
import type { AlertName, AnchorSetHandle, PathVerdict, TlsRole } from '../engine/types.ts';
import { type Donai, formatDonai } from '../identity/donai.ts';
import type { Store } from '../store/store.ts';
import { type AnchorHolder, AnchorSets } from './anchor-sets.ts';
import { listAnchors } from './anchors.ts';
import { DerError } from './der.ts';
import { pathFailure } from './path-failure.ts';
import {
  describeNames,
  provesDomain,
  provesDonai,
  type SubjectNames,
  subjectNames,
} from './subject-names.ts';

/** What verifies paths (RFC 5280 section 6): the engine. */
export interface PathVerifier extends AnchorHolder {
  verifyPath(question: {
    chain: Buffer[];
    anchors: AnchorSetHandle;
    /** The remote's: its certificate must be meant for that. */
    role: TlsRole;
  }): Promise<PathVerdict>;
}

export interface RemoteQuestion {
  /** As the remote sent it: DER, leaf first. */
  readonly chain: readonly Buffer[];
  readonly remoteRole: TlsRole;
  /** Where we are the client: the name asked for. */
  readonly expected?: Donai | undefined;
  /** Whether `example.com` may stand for the `user@example.com` asked for. */
  readonly domainRepresentsUser?: boolean | undefined;
}

export type RemoteVerdict = AcceptedRemote | RefusedRemote;

export interface AcceptedRemote {
  readonly ok: true;
  /** Where we are the client, the name asked for; else the first user, or the first domain, that is named. */
  readonly remoteId: Donai | undefined;
  /** Whether it is proven who that is: by a path to an anchor, by DANE, or by a pin that the operator made. */
  readonly proven: boolean;
  /** Letters of the predicates that held. */
  readonly validatedBy: string;
  /** Whether a domain stood for its user. */
  readonly domainRepresented: boolean;
  /** Everything that the certificate proves without a wildcard: a rule that denies one of them applies. */
  readonly names: readonly Donai[];
  /** The verdict holds until then, if trust does not change before; epoch seconds. */
  readonly until: number;
}

export interface RefusedRemote {
  readonly ok: false;
  readonly alert: AlertName;
  /** For the log: what is wrong, in an operator's words. */
  readonly reason: string;
}

/** How long a verdict may be reused at most, in seconds. */
const LONGEST_VERDICT = 24 * 60 * 60;

/** Decides who a remote is, from the certificates that it shows. What is not validated is not believed. */
export class Trust {
  readonly #store: Store;
  readonly #verifier: PathVerifier;
  #version = -1;
  #generation = -1;
  #sets: AnchorSets;

  constructor(store: Store, verifier: PathVerifier) {
    this.#store = store;
    this.#verifier = verifier;
    this.#sets = new AnchorSets(verifier, []);
  }

  /** Changes whenever anchors do: verdicts of other generations are void. */
  get generation(): number {
    return this.#generation;
  }

  /** Reads the anchors anew if they changed; otherwise takes microseconds. */
  async refresh(): Promise<void> {
    // Taken first: a change while we read brings the next refresh to read again.
    const version = this.#store.version();
    if (version === this.#version) return;
    const generation = await this.#store.trustGeneration();
    if (generation !== this.#generation) await this.#load();
    this.#generation = generation;
    this.#version = version;
  }

  async validate(question: RemoteQuestion): Promise<RemoteVerdict> {
    const named = whoIsIt(question);
    if ('ok' in named) return named;
    const { remoteId } = named;
    const anchors = this.#sets.acquire(remoteId, question.remoteRole);
    if (anchors === undefined) {
      return refuse(
        'unknown_ca',
        `no anchor vouches for a ${question.remoteRole} called ${formatDonai(remoteId)}`,
      );
    }
    try {
      const path = await this.#verifier.verifyPath({
        chain: [...question.chain],
        anchors: anchors.handle,
        role: question.remoteRole,
      });
      if (!path.ok) return { ok: false, ...pathFailure(path) };
      return { ok: true, ...named, proven: true, validatedBy: 'TI', until: verdictEnd(path.path) };
    } finally {
      anchors.release();
    }
  }

  /** Frees the engine's sets. */
  close(): void {
    this.#sets.close();
  }

  async #load(): Promise<void> {
    const anchors = await listAnchors(this.#store.db);
    this.#sets.close();
    this.#sets = new AnchorSets(this.#verifier, anchors);
  }
}

interface Named {
  readonly remoteId: Donai;
  readonly domainRepresented: boolean;
  readonly names: readonly Donai[];
}

/** What the certificate claims, provided that it holds what was asked for; nothing is verified yet. */
function whoIsIt({ chain, expected, domainRepresentsUser }: RemoteQuestion): Named | RefusedRemote {
  const [leaf] = chain;
  if (leaf === undefined) return refuse('certificate_required', 'no certificate was shown');
  const names = readNames(leaf);
  if ('ok' in names) return names;
  const all = [...names.users, ...names.domains];
  if (expected === undefined) {
    const [remoteId] = all;
    if (remoteId !== undefined) return { remoteId, domainRepresented: false, names: all };
    return refuse('bad_certificate', `the certificate names ${describeNames(names)}`);
  }
  if (provesDonai(names, expected)) {
    return { remoteId: expected, domainRepresented: false, names: all };
  }
  if (domainRepresentsUser === true && provesDomain(names, expected.domain)) {
    return { remoteId: expected, domainRepresented: true, names: all };
  }
  return refuse(
    'bad_certificate',
    `the certificate is for ${describeNames(names)}, not for ${formatDonai(expected)}`,
  );
}

function readNames(leaf: Buffer): SubjectNames | RefusedRemote {
  try {
    return subjectNames(leaf);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return refuse('bad_certificate', `the certificate is malformed: ${error.message}`);
  }
}

function refuse(alert: AlertName, reason: string): RefusedRemote {
  return { ok: false, alert, reason };
}

/** The first moment at which a certificate of the path expires, and at most a day from now. */
function verdictEnd(path: readonly Buffer[]): number {
  const ends = path.map((der) => Math.floor(new X509Certificate(der).validToDate.getTime() / 1000));
  return Math.min(Math.floor(Date.now() / 1000) + LONGEST_VERDICT, ...ends);
}
