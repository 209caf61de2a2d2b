import { randomFillSync } from 'node:crypto';

const LENGTH = 16;
/** Asking for many random bytes costs hardly more than asking for few. */
const supply = Buffer.alloc(64 * LENGTH);
let used = supply.length;

/** A new name for a session, which nobody can guess. */
export function newCtlkey(): Buffer {
  if (used === supply.length) {
    randomFillSync(supply);
    used = 0;
  }
  const ctlkey = Buffer.from(supply.subarray(used, used + LENGTH));
  // What was given away is not kept here.
  supply.fill(0, used, used + LENGTH);
  used += LENGTH;
  return ctlkey;
}
