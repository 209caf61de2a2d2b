/** What the local CA has signed, and taking it back. */
import type { Selectable, Transaction } from 'kysely';
import { TlspoolError } from '../errors.ts';
import { wantEnd } from '../store/review-wishes.ts';
import type { IssuedTable, Schema, StoredRole } from '../store/schema.ts';
import type { Store } from '../store/store.ts';

export interface IssuedRecord {
  /** Lower-case hexadecimal, without leading zeros. */
  readonly serial: string;
  readonly authorityId: number;
  readonly id: string;
  readonly role: StoredRole;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly revokedAt: Date | undefined;
  /** DER. */
  readonly certificate: Buffer;
}

/** The newest first. */
export async function listIssued({ db }: Pick<Store, 'db'>): Promise<IssuedRecord[]> {
  const rows = await db.selectFrom('issued').selectAll().orderBy('not_before', 'desc').execute();
  return rows.map(recordOf);
}

/** Certificates that were taken back, DER. */
export async function listRevoked({ db }: Pick<Store, 'db'>): Promise<Buffer[]> {
  const rows = await db
    .selectFrom('issued')
    .select('certificate')
    .where('revoked_at', 'is not', null)
    .execute();
  return rows.map(({ certificate }) => Buffer.from(certificate));
}

/** By its whole serial number. */
export async function findIssued(
  { db }: Pick<Store, 'db'>,
  authorityId: number,
  serial: string,
): Promise<IssuedRecord | undefined> {
  const row = await db
    .selectFrom('issued')
    .selectAll()
    .where('authority_id', '=', authorityId)
    .where('serial', '=', serial)
    .executeTakeFirst();
  return row && recordOf(row);
}

/**
 * Takes certificates back: that of a serial number, or all of an identity that hold still.
 * @param what DoNAI, or (the beginning, of 8 digits at least, of) a serial number in hexadecimal
 * @param endSessions whether pools that no command can ask end the open sessions of whom they name
 * @throws TlspoolError `not-issued`, `revoked-already`
 */
export async function revoke(
  store: Store,
  what: string,
  endSessions = false,
): Promise<IssuedRecord[]> {
  return store.transaction(async (transaction) => {
    const found = await find(transaction, what);
    if (found.length === 0) {
      throw new TlspoolError('not-issued', `the local CA has signed nothing for ${what}`, {
        hint: 'See `tlspool ca list`; of a serial number say 8 digits at least.',
      });
    }
    const now = new Date();
    const open = found.filter(({ revokedAt }) => revokedAt === undefined);
    const held = open.filter(({ notAfter }) => notAfter > now);
    if (held.length === 0) {
      throw new TlspoolError(
        'revoked-already',
        `nothing of ${what} is left to revoke: all is revoked or expired`,
      );
    }
    for (const { serial, authorityId } of held) {
      await transaction
        .updateTable('issued')
        .set({ revoked_at: now.toISOString() })
        .where('serial', '=', serial)
        .where('authority_id', '=', authorityId)
        .execute();
    }
    if (endSessions) await wantEnd(transaction, [...new Set(held.map(({ id }) => id))]);
    return held.map((record) => ({ ...record, revokedAt: now }));
  });
}

async function find(transaction: Transaction<Schema>, what: string): Promise<IssuedRecord[]> {
  const byName = await transaction
    .selectFrom('issued')
    .selectAll()
    .where('donai', '=', what)
    .execute();
  if (byName.length > 0) return byName.map(recordOf);
  const digits = what.replaceAll(':', '').toLowerCase().replace(/^0+/, '');
  if (!/^[0-9a-f]{8,40}$/.test(digits)) return [];
  const bySerial = await transaction
    .selectFrom('issued')
    .selectAll()
    .where('serial', 'like', `${digits}%`)
    .execute();
  if (bySerial.length <= 1) return bySerial.map(recordOf);
  throw new TlspoolError('ambiguous-serial', `${bySerial.length} serial numbers begin so`, {
    hint: 'Say more of it.',
    exit: 2,
  });
}

function recordOf(row: Selectable<IssuedTable>): IssuedRecord {
  return {
    serial: row.serial,
    authorityId: row.authority_id,
    id: row.donai,
    role: row.role,
    notBefore: new Date(row.not_before),
    notAfter: new Date(row.not_after),
    revokedAt: row.revoked_at === null ? undefined : new Date(row.revoked_at),
    certificate: Buffer.from(row.certificate),
  };
}
