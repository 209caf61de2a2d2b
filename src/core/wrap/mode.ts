import type { TlspoolError } from '../errors.ts';
import type { WayToPool } from '../tunnel/server-intake.ts';
import type { ServerTerms } from '../tunnel/terms.ts';
import type { PublicListener } from './public-listener.ts';

/**
 * One way to put a program behind TLS. The program is started by `start` and speaks plaintext only; how its
 * sockets reach the pool is what modes differ in.
 */
export interface Mode {
  /** Whether a courier is of use to it. */
  wantsCourier(terms: ServerTerms): boolean;
  start(program: ProgramPlan, way: PublicWay, events: ModeEvents): RunningMode;
}

/** What is run, whatever the mode. */
export interface ProgramPlan {
  readonly launcher: string;
  readonly command: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** Whom it runs as; undefined: whoever we are. */
  readonly user?: string | undefined;
  readonly group?: string | undefined;
}

/** Between the public and the pool. */
export interface PublicWay extends WayToPool {
  readonly terms: ServerTerms;
  /** The mode owns their sockets from here on. */
  readonly listeners: readonly PublicListener[];
}

export interface ModeEvents {
  /** A connection came to nothing. */
  lost(error: TlspoolError): void;
}

export interface RunningMode {
  /** A signal of ours, for the program. */
  signal(name: NodeJS.Signals): void;
  /**
   * wrap's exit code, when the program has ended and nothing listens any more. Sessions may still be delivering
   * what the program wrote. Rejects for failures of wrap itself.
   */
  readonly ended: Promise<number>;
}
