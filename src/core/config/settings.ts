import type { OnTheFlySigner } from '../authority/on-the-fly.ts';
import type { LogFormat, LogLevel } from '../telemetry/log.ts';
import { defaultValidation, type ValidationSettings } from '../trust/validation-settings.ts';

/** How a pool behaves: what tlspool.conf says, made out. Where it keeps its things is in paths.ts. */
export interface PoolSettings {
  /** Where the daemon's process id is written; undefined: beside the socket. */
  readonly pidFile: string | undefined;
  /** Permission bits of the socket. */
  readonly socketMode: number;
  /** Numeric; -1: the daemon's. */
  readonly socketUid: number;
  readonly socketGid: number;
  /** Whose members may ask people for PINs and identities; undefined: root and the daemon's user only. */
  readonly seatGid: number | undefined;
  /** Bits of PING that are offered. */
  readonly facilities: number;
  /** Threads that do TLS; undefined: one a processor. */
  readonly threads: number | undefined;
  /** ms for a handshake, hand-over included, unless the program names its own. */
  readonly handshakeTimeout: number;
  /** ms without a byte before a session ends; 0: never. */
  readonly idleTimeout: number;
  /** The same for DTLS, whose other side can go without a word; 0: never. */
  readonly datagramIdleTimeout: number;
  /** ms for open sessions when the daemon is told to end. */
  readonly drainTimeout: number;
  /** Connections of programs at once; more wait. */
  readonly maxConnections: number;
  /** TLS sessions at once; more are refused. */
  readonly maxSessions: number;
  /** A PKCS #11 module and token besides those of the store. */
  readonly token: TokenSettings | undefined;
  /** Whether local identities that no rule concerns are closed to remotes. */
  readonly authorisationRequired: boolean;
  /** Whether remotes that rules deny are only written down, and let in. */
  readonly authorisationMonitor: boolean;
  /** Where the local CA answers about what it signed (OCSP, lists), on loopback; undefined: nowhere. */
  readonly caListen: { readonly address: string; readonly port: number } | undefined;
  /** Where others find that, written into what it signs; undefined: not said. */
  readonly caUrl: string | undefined;
  /** How others are validated. */
  readonly validation: ValidationSettings;
  /** Keys that want authentication at each signature: whether a PIN is asked for each, or that of the log-in used. */
  readonly askForEachSignature: boolean;
  /** What makes server identities on the fly; undefined: nothing does. */
  readonly onTheFly: OnTheFlySigner | undefined;
  readonly logLevel: LogLevel;
  /** undefined: text on a terminal, JSON elsewhere. */
  readonly logFormat: LogFormat | undefined;
}

/** Settings under construction: keys write to it. */
export type Draft = { -readonly [Name in keyof PoolSettings]: PoolSettings[Name] };

export interface TokenSettings {
  /** Absolute path of the module. */
  readonly module: string;
  /** `pkcs11:` URI; undefined: the PIN file is for all tokens of the module. */
  readonly uri: string | undefined;
  /** Absolute path of a file that its owner alone may read. */
  readonly pinFile: string | undefined;
}

export const defaultSettings: PoolSettings = {
  pidFile: undefined,
  socketMode: 0o600,
  socketUid: -1,
  socketGid: -1,
  seatGid: undefined,
  facilities: 0x1,
  threads: undefined,
  handshakeTimeout: 30_000,
  idleTimeout: 0,
  datagramIdleTimeout: 300_000,
  drainTimeout: 10_000,
  maxConnections: 10_000,
  maxSessions: 100_000,
  token: undefined,
  authorisationRequired: false,
  authorisationMonitor: false,
  caListen: undefined,
  caUrl: undefined,
  validation: defaultValidation,
  askForEachSignature: false,
  onTheFly: undefined,
  logLevel: 'info',
  logFormat: undefined,
};
