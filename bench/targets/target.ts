import type { Started } from '../processes.ts';

export type KeyType = 'ec-p256' | 'rsa-2048';

/** How a target is set up: what the comparison is about. */
export type Setup =
  /** Ours, as an operator runs it: key in SoftHSM. */
  | 'tlspool'
  /** A peer with its defaults, key in memory. */
  | 'defaults'
  /** A peer tuned as an expert would, key in memory. */
  | 'tuned'
  /** A peer with its key in SoftHSM. */
  | 'token';

/** What a target is given to start with. */
export interface Place {
  /** Its own, to write configuration, state and logs into. */
  readonly directory: string;
  /** 127.0.0.1, where it takes TLS. */
  readonly port: number;
  /** UNIX socket of the plaintext program behind it. */
  readonly backend: string;
  readonly key: KeyType;
  /** Self-signed, for the peers; PEM files. */
  readonly certificate: string;
  readonly privateKey: string;
  /** Both of the above in one file. */
  readonly combined: string;
  /** SNI that the load generator sends. */
  readonly serverName: string;
  readonly cores: number;
  /** Open files that the target must be able to have. */
  readonly openFiles: number;
}

/** A TLS proxy under test. */
export interface Target {
  /** In kebab-case, for filters and folders. */
  readonly id: string;
  /** For people. */
  readonly title: string;
  readonly setup: Setup;
  /** ms that every signature takes; 0: what SoftHSM or memory takes. */
  readonly signatureDelay: number;
  /** What is running, e.g. "nginx 1.22.1, OpenSSL 3.0.19". */
  version(): Promise<string>;
  /** Resolves when it accepts connections. Everything started is returned, or stopped if this throws. */
  start(place: Place): Promise<readonly Started[]>;
}
