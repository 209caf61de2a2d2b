import { InetdMode } from './inetd-mode.ts';
import { ListenMode } from './listen-mode.ts';
import type { Mode } from './mode.ts';

export interface ModeChoice {
  readonly inetd: boolean;
  /** Programs at once, with `inetd`. */
  readonly maxConnections: number | undefined;
  /** Handshakes at once, without. */
  readonly maxHandshakes: number;
  /** Where private folders are made. */
  readonly runtimeDir: string;
}

/** Every mode there is, and what chooses it. */
export function chooseMode(choice: ModeChoice): Mode {
  if (choice.inetd) return new InetdMode(choice.maxConnections ?? defaultMaxConnections);
  return new ListenMode(choice.runtimeDir, choice.maxHandshakes);
}

const defaultMaxConnections = 100;
