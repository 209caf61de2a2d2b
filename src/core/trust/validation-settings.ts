/** What validation takes from tlspool.conf. */
export interface ValidationSettings {
  /** Predicates `L` and `l`; undefined: nobody said what they ask for. */
  readonly levels: { readonly L?: Level | undefined; readonly l?: Level | undefined };
  /** Predicates `E` and `e`: extensions that certificates for a service must have. */
  readonly extensions: ReadonlyMap<string, readonly RequiredExtension[]>;
  /** Addresses (`127.0.0.1`) and networks (`10.0.0.0/8`) that lists and responses may be fetched from although they are private. */
  readonly fetchFrom: readonly string[];
  /** ms for one list or response. */
  readonly fetchTimeout: number;
  /** Bytes that a list may have. */
  readonly largestList: number;
  /** Whether responders are asked to repeat a nonce; `require`: they must. */
  readonly ocspNonce: 'no' | 'offer' | 'require';
  /** ms for which a key is remembered that was accepted at its first use; 0: for ever. */
  readonly firstUseLifetime: number;
  /** A resolver on loopback that validates DNSSEC; undefined: DANE is unknown. */
  readonly resolver: Resolver | undefined;
  /** Where certificates of users are published; undefined: predicates `G` and `g` are unknown. */
  readonly directory: Directory | undefined;
}

/** A named level. What is not said is not asked for. */
export interface Level {
  /** Bits of RSA keys, at least. */
  readonly rsa?: number | undefined;
  /** Bits of keys on curves, at least. */
  readonly ec?: number | undefined;
  /** Hashes of signatures: sha256, sha384, sha512; Ed25519 counts as sha512, which it uses. */
  readonly hashes?: readonly string[] | undefined;
  /** Cipher suites by OpenSSL's names. */
  readonly suites?: readonly string[] | undefined;
}

export interface RequiredExtension {
  /** Dotted. */
  readonly oid: string;
  readonly critical: boolean;
}

export interface Resolver {
  readonly address: string;
  readonly port: number;
}

export interface Directory {
  /** ldaps://… */
  readonly url: string;
  /** Where users are searched, a distinguished name. */
  readonly base: string;
  /** PEM of the CAs that vouch for the directory; undefined: the system's. */
  readonly caFile: string | undefined;
}

export const defaultValidation: ValidationSettings = {
  levels: {},
  extensions: new Map(),
  fetchFrom: [],
  fetchTimeout: 5_000,
  largestList: 32 * 1024 * 1024,
  ocspNonce: 'no',
  firstUseLifetime: 365 * 24 * 60 * 60 * 1000,
  resolver: undefined,
  directory: undefined,
};
