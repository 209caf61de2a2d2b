import type { OnTheFly } from '../authority/on-the-fly.ts';
import type { Engine } from '../engine/engine.ts';
import type { TlsRole } from '../engine/types.ts';
import type { DisclosureEntry } from '../identity/disclosure.ts';
import type { Donai } from '../identity/donai.ts';
import type { LocalIdentity } from '../identity/local-identities.ts';
import type { Log } from '../telemetry/log.ts';
import type { RemoteQuestion, RemoteVerdict } from '../trust/remote-question.ts';
import type { AdmissionParts, Authoriser } from './admission.ts';
import type { Chooser, Remembered } from './chooser.ts';
import type { Credentials } from './credentials.ts';

/** The part of the engine that sessions need. */
export type SessionEngine = Pick<
  Engine,
  | 'open'
  | 'chooseLocal'
  | 'refuse'
  | 'acceptPeer'
  | 'attach'
  | 'renew'
  | 'close'
  | 'counters'
  | 'exporter'
  | 'certificates'
  | 'channelBinding'
>;

/** What the pool knows of itself and of others, as of a moment ago. */
export interface Knowledge {
  /** undefined if it is recent enough; else resolves when it is. */
  refresh(): Promise<void> | undefined;
  /** See LocalIdentities. */
  localIdentity(id: Donai, role: TlsRole): LocalIdentity | undefined;
  /** What disclosure says about a remote, the entry that counts first. */
  disclosed(remote: Donai): readonly DisclosureEntry[];
  /** Nothing is said about disclosure at all. */
  readonly disclosesAll: boolean;
  validate(question: RemoteQuestion): Promise<RemoteVerdict>;
  readonly trustGeneration: number;
}

/** What the sessions of a pool share. */
export interface Services {
  readonly engine: SessionEngine;
  readonly knowledge: Knowledge;
  readonly credentials: Pick<Credentials, 'handles'>;
  readonly chooser: Chooser;
  /** Makes server identities; undefined: no signer is configured. */
  readonly onTheFly: Pick<OnTheFly, 'identity' | 'forget'> | undefined;
  /** Keeps a person's choice. */
  readonly remember: (choice: Remembered) => Promise<void>;
  readonly authorisation: Authoriser;
  readonly decisions: AdmissionParts['decisions'];
  readonly log: Log;
  /** ms without a byte, over a stream or over datagrams; 0: no limit. */
  readonly idleTimeout: (datagrams: boolean) => number;
}
