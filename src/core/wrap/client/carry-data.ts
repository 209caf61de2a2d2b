import { closeFd } from '../../engine/sockets.ts';
import { asTlspoolError, type TlspoolError } from '../../errors.ts';
import type { ExpectedData } from '../data/program-data.ts';
import { type Attempt, abandonedCode } from './attempt.ts';
import type { Attempts } from './attempts.ts';
import { errnoFor } from './failures.ts';

/**
 * A data connection of FTP, which the program has before its TLS: that follows a reply that it may be waiting for.
 * @param lost hears of it if it comes to nothing
 */
export async function carryData(
  attempt: Attempt,
  data: ExpectedData,
  attempts: Attempts,
  lost: (error: TlspoolError) => void,
): Promise<void> {
  let upstream: number | undefined = attempt.upstream;
  let completed = false;
  try {
    await attempt.untilConnected();
    const end = await attempt.complete();
    completed = true;
    attempts.remove(attempt);
    upstream = undefined;
    await data.carry(attempt.upstream, end);
  } catch (reason) {
    const error = asTlspoolError(reason);
    attempts.remove(attempt);
    if (!completed) attempt.fail(errnoFor(error));
    if (!given.has(error.code)) lost(error);
  } finally {
    if (upstream !== undefined) closeFd(upstream);
  }
}

/** What the program gave up itself. */
const given: ReadonlySet<string> = new Set([abandonedCode, 'starttls-ended']);
