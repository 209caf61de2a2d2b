import { hostname } from 'node:os';
import type { PoolConnection } from '../../../client/index.ts';
import { closeFd } from '../../engine/sockets.ts';
import { asTlspoolError, TlspoolError } from '../../errors.ts';
import { clientDialog, parseProtocol } from '../../starttls/dialogs.ts';
import { isFtp } from '../../starttls/ftp.ts';
import { pass } from '../../starttls/pass.ts';
import type { PoolLink } from '../../tunnel/pool-link.ts';
import type { ProgramData } from '../data/program-data.ts';
import { type AskTerms, askFor } from './ask.ts';
import type { Attempt } from './attempt.ts';
import type { Attempts } from './attempts.ts';
import type { Progress } from './failures.ts';
import type { FirstWords } from './first-word.ts';
import type { Goal } from './goal.ts';
import { requirePlaintext } from './speaks-tls.ts';

export interface LocalCarrierOptions extends AskTerms {
  readonly link: PoolLink;
  readonly attempts: Attempts;
  readonly words: FirstWords;
  /** Data connections of FTP. */
  readonly data: ProgramData;
}

/** Brings the program's connections to the pool itself, and says before TLS what has to be said. */
export class LocalCarrier {
  readonly #options: LocalCarrierOptions;

  constructor(options: LocalCarrierOptions) {
    this.#options = options;
  }

  /** Resolves, however it came out, when the pool has both ends, or the attempt has failed. */
  async carry(attempt: Attempt, goal: Goal): Promise<void> {
    const { attempts, link } = this.#options;
    let upstream: number | undefined = attempt.upstream;
    let completed = false;
    let progress: Progress = 'connecting';
    const started = Date.now();
    const plain = async () => {
      const end = await attempt.complete();
      completed = true;
      attempts.remove(attempt);
      await this.#requirePlaintext(end, goal);
      return end;
    };
    try {
      await attempt.untilConnected();
      progress = 'asked';
      const { pool } = link;
      if (!pool) throw new TlspoolError('no-daemon', 'the pool is away');
      upstream = undefined;
      await this.#secure(pool, attempt, goal, plain);
    } catch (reason) {
      const error = asTlspoolError(reason);
      attempts.fail(attempt, goal, { error, completed, progress, started });
    } finally {
      if (upstream !== undefined) closeFd(upstream);
    }
  }

  /** Of what the program says first, where it does. Closes the end if it is none. */
  async #requirePlaintext(end: number, goal: Goal): Promise<void> {
    const { words } = this.#options;
    const patience = words.patienceWith(goal);
    if (patience === 0) return;
    try {
      if (!(await requirePlaintext(end, patience))) words.missed(goal);
    } catch (error) {
      closeFd(end);
      throw error;
    }
  }

  /** Takes the upstream socket over. */
  async #secure(
    pool: PoolConnection,
    { upstream: fd, signal }: Attempt,
    goal: Goal,
    plain: () => Promise<number>,
  ): Promise<void> {
    const { treatment } = goal;
    const request = { ...askFor(goal, this.#options), signal };
    if (treatment.kind === 'tls') {
      await pool.startTls({ ...request, fd, plain });
      return;
    }
    const protocol = parseProtocol(treatment.protocol);
    const { over } = await pass({
      pool,
      dialog: clientDialog(protocol, { ownName: hostname() }),
      fd,
      request: { ...request, alpn: protocol.alpn },
      program: plain,
      data: isFtp(protocol) ? this.#options.data : undefined,
      timeout: this.#options.handshakeTimeout,
      signal,
    });
    // Its end, however it came, is between the program and its server.
    over.catch(() => undefined);
  }
}
