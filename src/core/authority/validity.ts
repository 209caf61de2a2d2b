/** From when until when certificates hold. */
import { TlspoolError } from '../errors.ts';

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Days. Browsers refuse longer ones from public CAs (Baseline Requirements 6.3.2: 398). */
export const DEFAULT_LEAF_DAYS = 397;

/** Days. Apple's systems refuse more even from a CA that the user trusts. */
const LONGEST_LEAF_DAYS = 825;

const ROOT_YEARS = 10;

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Other machines' clocks may be behind ours. */
const CLOCK_SKEW = HOUR;

export function rootValidity(now: Date): Validity {
  const notBefore = new Date(wholeSecond(now).getTime() - CLOCK_SKEW);
  const notAfter = new Date(notBefore);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + ROOT_YEARS);
  return { notBefore, notAfter };
}

/**
 * `days` counted from the beginning, and never beyond the issuer's end.
 * @throws TlspoolError `bad-validity`, `authority-expired`
 */
export function leafValidity(now: Date, days: number, issuerEnds?: Date): Validity {
  if (!Number.isInteger(days) || days < 1 || days > LONGEST_LEAF_DAYS) {
    throw new TlspoolError(
      'bad-validity',
      `a certificate can be valid for 1 to ${LONGEST_LEAF_DAYS} days, got ${days}`,
      { exit: 2 },
    );
  }
  if (issuerEnds !== undefined && issuerEnds <= now) {
    throw new TlspoolError(
      'authority-expired',
      `the local CA expired on ${issuerEnds.toISOString().slice(0, 10)}`,
      {
        hint: 'Begin a new state folder with `tlspool init`, and give its `ca export` to clients.',
      },
    );
  }
  const notBefore = new Date(wholeSecond(now).getTime() - CLOCK_SKEW);
  const wanted = new Date(notBefore.getTime() + days * DAY);
  return {
    notBefore,
    notAfter: issuerEnds !== undefined && issuerEnds < wanted ? issuerEnds : wanted,
  };
}

/** X.509 has no fractions (RFC 5280 section 4.1.2.5). */
function wholeSecond(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1000) * 1000);
}
