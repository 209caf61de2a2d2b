import type { Program } from '../authz/program-rule.ts';
import type { PeerCredentials } from '../engine/sockets.ts';
import type { TlsRole } from '../engine/types.ts';
import type { ClaimedProcess } from '../protocol/extension.ts';
import { claimedProgram, programOf } from '../session/program.ts';

/** Processes that are remembered for one connection; more push out the oldest. */
const MOST = 1_024;

/**
 * The processes that one connection asks for. A server is judged as the process was when it began to listen: it may
 * have dropped its rights since, or have left the listening to its children.
 */
export class JudgedPrograms {
  readonly #peer: PeerCredentials;
  readonly #poolUid: number;
  readonly #known = new Map<string, Program>();

  constructor(peer: PeerCredentials, poolUid: number) {
    this.#peer = peer;
    this.#poolUid = poolUid;
  }

  /** Looks at the process as it is now, and remembers that. @throws PosixError EACCES, ESRCH */
  judge(claim: ClaimedProcess): Program {
    const program = claimedProgram(this.#peer, claim, this.#poolUid);
    const key = keyOf(claim);
    this.#known.delete(key);
    this.#known.set(key, program);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MOST) break;
      this.#known.delete(oldest);
    }
    return program;
  }

  /** The process that a session is for. @throws PosixError EACCES, ESRCH */
  program(claim: ClaimedProcess | undefined, role: TlsRole): Program {
    if (claim === undefined) return programOf(this.#peer);
    const known = role === 'server' ? this.#known.get(keyOf(claim)) : undefined;
    return known ?? this.judge(claim);
  }
}

function keyOf({ pid, started }: ClaimedProcess): string {
  return `${pid} ${started}`;
}
