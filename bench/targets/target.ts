import type { Started } from '../processes.ts';

export type KeyType = 'ec-p256' | 'rsa-2048';

/** What tlspool is compared with: peers as they come, and tuned as an expert would; their key in memory. */
export type Comparison = 'defaults' | 'tuned';

/** What a target is given to start with. */
export interface Place {
  /** Its own, to write configuration, state and logs into. */
  readonly directory: string;
  /** Folder of what the benchmark built. */
  readonly binaries: string;
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

/** A target that runs. */
export interface Deployment {
  /** In the order of their start. */
  readonly processes: readonly Started[];
  /** Of the daemon, where programs hand over their connections; only ours has one. */
  readonly socket?: string;
  /** The process of each part of it; only where there are several that do different things. */
  readonly parts?: Readonly<Record<string, number>>;
  /** CPU seconds used so far by each part of it; only where the parts can be told apart. */
  readonly cpuByPart?: () => Readonly<Record<string, number>>;
  /** ms: p99 of the delay of the daemon's event loop since this was last asked; only where it is watched. */
  readonly eventLoopP99?: () => Promise<number>;
}

/** A TLS proxy under test. */
export interface Target {
  /** In kebab-case, for filters and folders. */
  readonly id: string;
  /** For people. */
  readonly title: string;
  /** Which comparisons it is a peer in; none: it is shown, but nothing is judged by it. */
  readonly standsFor: readonly Comparison[];
  /** What is running, e.g. "nginx 1.22.1, OpenSSL 3.0.19". */
  version(): Promise<string>;
  /** Resolves when it accepts connections; if it rejects, nothing is left running. */
  start(place: Place): Promise<Deployment>;
}
