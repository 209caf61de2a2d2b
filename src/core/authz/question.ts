import type { Donai } from '../identity/donai.ts';

/** Who the other side is, as far as authorisation is concerned. */
export interface Remote {
  /** Whom the certificate proves the client to be; undefined: nobody, the client is `anonymous`. */
  readonly id: Donai | undefined;
  /** All that the certificate names, proven or not: a deny that matches one of them applies. */
  readonly names: readonly Donai[];
  /** Letters of the predicates of validation expressions that held. */
  readonly validatedBy: string;
}

export const anonymous: Remote = { id: undefined, names: [], validatedBy: '' };

/** May this remote use this local identity and service? */
export interface Question {
  readonly remote: Remote;
  readonly localId: Donai;
  /** IANA name; '': not said. */
  readonly service: string;
  /** The client's, with or without its port; '': not known. */
  readonly address: string;
  /** Epoch ms. */
  readonly at: number;
}
