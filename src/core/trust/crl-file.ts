import type { Kysely } from 'kysely';
import { TlspoolError } from '../errors.ts';
import { parsePem } from '../identity/pem.ts';
import type { Schema } from '../store/schema.ts';
import { type Extension, readExtensions } from './certificate.ts';
import { children, contentOf, DerError, type Element, readElement, TAG } from './der.ts';
import { sha256 } from './fingerprints.ts';

/** What a revocation list says of itself (RFC 5280 section 5.1); nothing is verified. */
export interface ListFacts {
  readonly fingerprint: string;
  /** Lists of the same scope replace each other: issuer, and which of its certificates it is about. */
  readonly scope: string;
  /** Name, DER. */
  readonly issuer: Buffer;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  /** How many certificates it revokes. */
  readonly size: number;
}

/** 2.5.29.28 */
const ISSUING_DISTRIBUTION_POINT = '551d1c';

const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;

/** The lists in a file: PEM, or one in DER. @throws TlspoolError `unusable-crl` */
export function readLists(content: Buffer): Buffer[] {
  if (!content.includes('-----BEGIN ')) return [content];
  return parsePem(content.toString('latin1'))
    .filter(({ label }) => label === 'X509 CRL')
    .map(({ der }) => der);
}

/** @throws TlspoolError `unusable-crl` */
export function listFacts(list: Buffer): ListFacts {
  try {
    const [tbs] = children(readElement(list));
    const fields = children(tbs);
    // The version is left out in lists of version 1.
    const [, issuer, thisUpdate, ...rest] =
      fields[0]?.tag === TAG.integer ? fields.slice(1) : fields;
    const nextUpdate = rest.find(({ tag }) => tag === UTC_TIME || tag === GENERALIZED_TIME);
    const revoked = rest.find(({ tag }) => tag === TAG.sequence);
    const holder = rest.find(({ tag }) => tag === TAG.context(0));
    const extensions = holder === undefined ? [] : readExtensions(holder, TAG.context(0));
    if (!(issuer && thisUpdate)) throw new DerError('a revocation list ends early');
    return {
      fingerprint: sha256(list),
      scope: scopeOf(issuer, extensions),
      issuer: issuer.encoded,
      thisUpdate: timeOf(thisUpdate),
      nextUpdate: nextUpdate && timeOf(nextUpdate),
      size: revoked === undefined ? 0 : children(revoked).length,
    };
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new TlspoolError('unusable-crl', `this is not a revocation list: ${error.message}`);
  }
}

/** Keeps a list, instead of an older one of the same scope. @throws TlspoolError `unusable-crl`, `older-crl` */
export async function keepList(db: Kysely<Schema>, list: Buffer): Promise<ListFacts> {
  const facts = listFacts(list);
  const newer = await db
    .selectFrom('crls')
    .select('this_update')
    .where('scope', '=', facts.scope)
    .where('this_update', '>', facts.thisUpdate.toISOString())
    .executeTakeFirst();
  if (newer !== undefined) {
    throw new TlspoolError('older-crl', `a newer list is there already, of ${newer.this_update}`, {
      hint: 'An old list would hide what was revoked since.',
    });
  }
  await db.deleteFrom('crls').where('scope', '=', facts.scope).execute();
  await db
    .insertInto('crls')
    .values({
      fingerprint: facts.fingerprint,
      scope: facts.scope,
      list,
      this_update: facts.thisUpdate.toISOString(),
      next_update: facts.nextUpdate?.toISOString() ?? null,
      created_at: new Date().toISOString(),
    })
    .execute();
  return facts;
}

export async function storedLists(db: Kysely<Schema>): Promise<Buffer[]> {
  const rows = await db.selectFrom('crls').select('list').orderBy('id').execute();
  return rows.map(({ list }) => Buffer.from(list));
}

/** @param fingerprint as `listFacts` has it */
export async function removeList(db: Kysely<Schema>, fingerprint: string): Promise<void> {
  await db.deleteFrom('crls').where('fingerprint', '=', fingerprint).execute();
}

function scopeOf(issuer: Element, extensions: readonly Extension[]): string {
  const point = extensions.find(({ oid }) => oid === ISSUING_DISTRIBUTION_POINT);
  return sha256(Buffer.concat([issuer.encoded, point?.value ?? Buffer.alloc(0)]));
}

/** RFC 5280 section 5.1.2.4: UTC, with seconds. */
function timeOf(element: Element): Date {
  const text = contentOf(element, element.tag).toString('latin1');
  const short = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  const long = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  const found = element.tag === UTC_TIME ? short : long;
  const [year, month, day, hour, minute, second] = found?.slice(1).map(Number) ?? [];
  if (year === undefined || month === undefined) throw new DerError('a time is malformed');
  const full = element.tag === UTC_TIME ? year + (year < 50 ? 2000 : 1900) : year;
  return new Date(Date.UTC(full, month - 1, day, hour, minute, second));
}
