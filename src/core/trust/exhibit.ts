import type { AnchorSetHandle, PathVerdict, TlsRole } from '../engine/types.ts';
import type { Donai } from '../identity/donai.ts';
import type { AnchorHolder, AnchorSets } from './anchor-sets.ts';
import type { CrlLists, ListHolder } from './crl-lists.ts';
import type { Distrusted } from './distrust.ts';
import type { Finding } from './finding.ts';
import type { OcspResponders, OcspVerifier } from './ocsp-responders.ts';
import type { Pins } from './pins.ts';
import type { RemoteQuestion } from './remote-question.ts';
import type { SubjectNames } from './subject-names.ts';
import type { ValidationSettings } from './validation-settings.ts';

/** What verifies paths (RFC 5280 section 6), lists and responses: the engine. */
export interface PathVerifier extends AnchorHolder, ListHolder, OcspVerifier {
  /** See PathQuestion of the engine. */
  verifyPath(question: {
    chain: Buffer[];
    anchors: AnchorSetHandle;
    role?: TlsRole | undefined;
    partial?: boolean | undefined;
    crls?: readonly number[] | undefined;
    extensions?: readonly string[] | undefined;
  }): Promise<PathVerdict>;
}

/** Where predicates find what they need. */
export interface Tools {
  readonly verifier: PathVerifier;
  readonly anchors: AnchorSets;
  readonly distrusted: Distrusted;
  readonly lists: CrlLists;
  readonly responders: OcspResponders;
  readonly pins: Pins;
  /** Certificates (DER) of the local CA, which has no need of lists: what it revoked is distrusted. */
  readonly ownAuthorities: readonly Buffer[];
  readonly settings: ValidationSettings;
}

/** What is examined: a chain, whom it names, and whom it is to prove. */
export interface Exhibit {
  readonly question: RemoteQuestion;
  readonly tools: Tools;
  readonly leaf: Buffer;
  readonly names: SubjectNames;
  /** Whom the certificate is to prove: the one asked for, or whom it names first. */
  readonly remoteId: Donai | undefined;
  /** How the certificate answers to that name. */
  readonly match: NameMatch;
  /** The path to an anchor, looked for once. */
  path(): Promise<Path>;
}

export type NameMatch =
  /** It has the name. */
  | 'exact'
  /** Its domain may stand for the user, and does. */
  | 'domain'
  | 'none';

/** A path to an anchor that vouches for the name, or why there is none. */
export type Path =
  | {
      readonly is: 'found';
      /** DER, leaf first, anchor last. */
      readonly certificates: readonly Buffer[];
      /** Whatever was looked in; held until the examination ends. */
      readonly anchors: AnchorSetHandle;
      readonly finding: Finding;
    }
  | { readonly is: 'missing'; readonly finding: Finding };
