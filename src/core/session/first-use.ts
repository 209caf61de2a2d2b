import { TlspoolError } from '../errors.ts';
import type { AcceptedRemote } from '../trust/remote-question.ts';
import { refusedPeer } from './outcome.ts';

/**
 * Goes on when it is written down what was accepted at its first use, at once if there is nothing of the kind. What
 * cannot be remembered is not believed: whoever came next would be seen for the first time, too.
 */
export function whenKept(
  firstUse: AcceptedRemote['remember'],
  goOn: () => void,
  fail: (error: unknown) => void,
): void {
  if (firstUse === undefined) goOn();
  else firstUse().then(goOn, (error: unknown) => fail(notKept(error)));
}

function notKept(error: unknown): unknown {
  if (!(error instanceof TlspoolError)) return error;
  const { message, hint } = error;
  return refusedPeer(`its key is new, and cannot be remembered: ${message}`, hint);
}
