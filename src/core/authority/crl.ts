import {
  element,
  explicit,
  generalizedTime,
  integer,
  objectIdentifier,
  octets,
  sequence,
} from '../trust/der-writer.ts';
import type { AuthoritySigner } from './authority-signer.ts';
import type { IssuedRecord } from './issued.ts';

const DAY = 24 * 60 * 60 * 1000;
/** Days for which a list counts unless told. */
const DEFAULT_LIST_DAYS = 7;

const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35';
const CRL_NUMBER = '2.5.29.20';

/** What a root has revoked (RFC 5280 section 5), in DER. Expired certificates are left out (section 3.3). */
export async function makeCrl(
  signer: AuthoritySigner,
  issued: readonly IssuedRecord[],
  days = DEFAULT_LIST_DAYS,
  now = new Date(),
): Promise<Buffer> {
  const revoked = issued.flatMap(({ authorityId, serial, revokedAt, notAfter }) => {
    if (authorityId !== signer.authority.id || revokedAt === undefined || notAfter < now) return [];
    return [sequence(integer(BigInt(`0x${serial}`)), listTime(revokedAt))];
  });
  const extensions = sequence(
    extension(AUTHORITY_KEY_IDENTIFIER, sequence(element(0x80, signer.keyIdentifier))),
    // It must rise from list to list (section 5.2.3): the time does.
    extension(CRL_NUMBER, integer(now.getTime())),
  );
  return signer.sign((algorithm) =>
    sequence(
      integer(1),
      algorithm,
      signer.name,
      listTime(now),
      listTime(new Date(now.getTime() + days * DAY)),
      ...(revoked.length > 0 ? [sequence(...revoked)] : []),
      explicit(0, extensions),
    ),
  );
}

function extension(oid: string, value: Buffer): Buffer {
  return sequence(objectIdentifier(oid), octets(value));
}

/** UTCTime until 2049, GeneralizedTime after that (section 5.1.2.4). */
function listTime(time: Date): Buffer {
  const general = generalizedTime(time);
  if (time.getUTCFullYear() >= 2050) return general;
  return element(0x17, general.subarray(4));
}
