import type { ClosedEvent, Counters } from '../engine/types.ts';
import type { TlspoolError } from '../errors.ts';
import { type Log, tells } from '../telemetry/log.ts';
import type { Agreed } from './agreed.ts';
import type { SessionFacts } from './facts.ts';
import { describe } from './outcome.ts';

/** A session leaves one line, whether it came about or not. */
export class Audit {
  readonly #log: Log;
  readonly #facts: SessionFacts;

  constructor(log: Log, facts: SessionFacts) {
    this.#log = log;
    this.#facts = facts;
  }

  setUp(agreed: Agreed): void {
    if (!tells(this.#log, 'debug')) return;
    this.#log.debug({ ...this.#who(), ...what(agreed) }, 'session set up');
  }

  renewed(agreed: Agreed): void {
    this.#log.info({ ...this.#who(), ...what(agreed) }, 'session renewed');
  }

  /** The server asks later who we are, and that one may not be shown. */
  notShown(error: TlspoolError): void {
    this.#log.info(
      { ...this.#who(), code: error.code, error: error.message },
      'nothing shown to the server that asks',
    );
  }

  ended(agreed: Agreed, { reason, failure, counters }: ClosedEvent): void {
    this.#log.info(
      {
        ...this.#who(),
        ...what(agreed),
        in: counters.bytesIn,
        out: counters.bytesOut,
        lost: lost(counters),
        ms: Math.round(counters.duration),
        reason,
        failure: describe(failure),
      },
      'session ended',
    );
  }

  /**
   * @param counters undefined: the engine never had it
   * @param localId who we were to be; '': not known
   */
  failed(error: TlspoolError, counters: Counters | undefined, localId: string): void {
    const local = localId || undefined;
    const ms = counters && Math.round(counters.duration);
    this.#log.info(
      { ...this.#who(), local, ms, code: error.code, error: error.message },
      'handshake failed',
    );
  }

  /** Of ours. */
  fault(error: unknown): void {
    this.#log.error({ ...this.#who(), err: error }, 'fault');
  }

  #who(): object {
    const { id, role, service, peerAddress, program } = this.#facts;
    return {
      session: id,
      role,
      service: service || undefined,
      peer: peerAddress || undefined,
      pid: program.pid,
      uid: program.uid,
      program: program.executable || undefined,
    };
  }
}

/** Datagrams, both ways. */
function lost({ lostIn, lostOut }: Counters): number | undefined {
  return lostIn + lostOut || undefined;
}

function what(agreed: Agreed): object {
  return {
    local: agreed.localId || undefined,
    remote: agreed.remoteId || undefined,
    version: agreed.version,
    cipher: agreed.cipher,
    group: agreed.group || undefined,
    alpn: agreed.alpn || undefined,
    resumed: agreed.resumed || undefined,
  };
}
