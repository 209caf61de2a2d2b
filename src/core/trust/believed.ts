/** What came out of validating the other side, as sessions, rules and tickets need it. */
export interface Believed {
  /** Canonical DoNAI; '' if nobody was proven where we are the server. Where we are the client: the name asked for. */
  readonly remoteId: string;
  /** Whether it is proven who that is; if not, rules see `anonymous`. */
  readonly proven: boolean;
  /** Letters of the predicates that held, such as `TIr`: what the decision rests on. */
  readonly validatedBy: string;
  /** Everybody else that a proven certificate names too: a rule that denies one of them applies. */
  readonly names: readonly string[];
}

/** Nobody showed anything. */
export const nobodyBelieved: Believed = { remoteId: '', proven: false, validatedBy: '', names: [] };

/** Bytes of a ticket that may be spent on it; tickets have less than 64 kB in all. */
const LONGEST = 4096;

/**
 * As it travels in the engine and its encrypted tickets; never '', which is nobody. undefined: it is too long to travel
 * whole, and must not be shortened, as what is left out could be denied.
 */
export function writeBelieved({
  remoteId,
  proven,
  validatedBy,
  names,
}: Believed): string | undefined {
  const text = JSON.stringify([remoteId, proven, validatedBy, ...names]);
  return Buffer.byteLength(text) > LONGEST ? undefined : text;
}

/** Of what `writeBelieved` wrote. */
export function readBelieved(text: string): Believed {
  if (text === '') return nobodyBelieved;
  const [remoteId, proven, validatedBy, ...names] = JSON.parse(text) as [
    string,
    boolean,
    string,
    ...string[],
  ];
  return { remoteId, proven, validatedBy, names };
}
