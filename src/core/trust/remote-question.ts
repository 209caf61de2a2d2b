import type { AlertName, TlsRole, TlsVersion } from '../engine/types.ts';
import type { Donai } from '../identity/donai.ts';
import type { StoredRole } from '../store/schema.ts';
import type { Expression } from './expression.ts';
import type { Finding } from './finding.ts';

/** What is asked about the other side. */
export interface RemoteQuestion {
  /** As the remote sent it: DER, leaf first. */
  readonly chain: readonly Buffer[];
  /** Whether it may show nothing at all. */
  readonly mayBeNobody?: boolean | undefined;
  readonly remoteRole: TlsRole;
  /** Where we are the client: the name asked for. */
  readonly expected?: Donai | undefined;
  /** Whether `example.com` may stand for the `user@example.com` asked for. */
  readonly domainRepresentsUser?: boolean | undefined;
  /** What our own identity asks of remotes. */
  readonly expressions?: readonly Expression[] | undefined;
  /** What the connection is for, such as `imap`. */
  readonly service?: string | undefined;
  /** The remote's TCP port; undefined: not known. */
  readonly port?: number | undefined;
  readonly handshake?: HandshakeFacts | undefined;
  /** Lists and responses are fetched anew. */
  readonly ignoreCaches?: boolean | undefined;
  /** Every predicate is asked, also those that cannot change the outcome. */
  readonly explain?: boolean | undefined;
  /** Nobody waits for the verdict any more. */
  readonly signal?: AbortSignal | undefined;
}

/** What was agreed on when the remote showed its certificate. */
export interface HandshakeFacts {
  readonly version: TlsVersion;
  /** OpenSSL's name. */
  readonly cipher: string;
  /** '' if there is none. */
  readonly group: string;
  /** The server name that everybody on the wire could read. */
  readonly serverName: string | undefined;
  /** Roles of the credentials that we show, or may; undefined: that is not decided yet. */
  readonly ownRoles: readonly StoredRole[] | undefined;
  /** OCSP response (DER) that came along; `forgotten`: the handshake is long over. */
  readonly stapled: Buffer | 'forgotten' | undefined;
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
  /** To be called once the handshake has succeeded: keeps what was accepted at its first use. */
  readonly remember?: (() => Promise<void>) | undefined;
  readonly report?: Report | undefined;
}

export interface RefusedRemote {
  readonly ok: false;
  readonly alert: AlertName;
  /** For the log: what is wrong, in an operator's words. */
  readonly reason: string;
  /** The change that would make it pass, if one is known. */
  readonly advice?: string | undefined;
  readonly report?: Report | undefined;
}

/** How a verdict came about. */
export interface Report {
  /** Every expression that had to be met, as one. */
  readonly expression: string;
  /** In the order of the expression. */
  readonly findings: readonly Reported[];
}

export interface Reported extends Finding {
  readonly letter: string;
  /** ms */
  readonly took: number;
}
