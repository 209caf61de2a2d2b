import { X509Certificate } from 'node:crypto';
import type { Kysely, Transaction } from 'kysely';
import { TlspoolError } from '../errors.ts';
import type { Schema, StoredRole } from '../store/schema.ts';
import type { KeyType } from '../token/key-types.ts';
import { formatPemCertificates } from './pem.ts';
import { formatSelector, type Selector } from './selector.ts';

export interface NewCredential {
  readonly role: StoredRole;
  readonly keyType: KeyType;
  readonly keyUri: string;
  readonly publicKey: Buffer;
  /** DER, leaf first. */
  readonly chain: readonly Buffer[];
}

/**
 * The order in which credentials of an identity are offered: what is cheap to sign with first, and RSA, which
 * everyone understands, last. Of the same kind, the newest comes first.
 */
const PREFERENCE: Record<KeyType, number> = {
  'ec-p256': 10,
  ed25519: 20,
  'ec-p384': 30,
  'rsa-2048': 40,
  'rsa-3072': 50,
  'rsa-4096': 60,
};

/** Gives an identity one more credential; makes the identity if there is none. Returns the credential's number. */
export async function addCredential(
  transaction: Transaction<Schema>,
  name: Selector,
  credential: NewCredential,
): Promise<number> {
  const created_at = new Date().toISOString();
  const [leaf] = credential.chain;
  if (leaf === undefined) throw new TypeError('A credential has a certificate.');
  const row = await transaction
    .insertInto('credentials')
    .values({
      identity_id: await identityNumber(transaction, name, created_at),
      type: 'x509',
      role: credential.role,
      chain: formatPemCertificates(credential.chain),
      key_uri: credential.keyUri,
      key_type: credential.keyType,
      public_key: credential.publicKey,
      preference: PREFERENCE[credential.keyType],
      not_after: new X509Certificate(leaf).validToDate.toISOString(),
      created_at,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return row.id;
}

/** Takes one credential away; the identity goes with its last one. */
export async function removeCredential(
  transaction: Transaction<Schema>,
  credential: number,
): Promise<void> {
  const removed = await transaction
    .deleteFrom('credentials')
    .where('id', '=', credential)
    .returning('identity_id')
    .executeTakeFirstOrThrow();
  await transaction
    .deleteFrom('identities')
    .where('id', '=', removed.identity_id)
    .where('id', 'not in', transaction.selectFrom('credentials').select('identity_id'))
    .execute();
}

/** Whether some credential, or a request that waits for its certificate, still rests on a key. */
export async function isKeyInUse(db: Kysely<Schema>, keyUri: string): Promise<boolean> {
  for (const table of ['credentials', 'requests'] as const) {
    const user = await db
      .selectFrom(table)
      .select('id')
      .where('key_uri', '=', keyUri)
      .executeTakeFirst();
    if (user !== undefined) return true;
  }
  return false;
}

/** A key of that kind for that role is there already: another one would be an accident. */
export async function refuseSecond(
  db: Kysely<Schema>,
  name: Selector,
  keyType: KeyType,
  role: StoredRole,
): Promise<void> {
  const existing = await db
    .selectFrom('credentials')
    .innerJoin('identities', 'identities.id', 'credentials.identity_id')
    .select('credentials.role')
    .where('donai', '=', formatSelector(name))
    .where('key_type', '=', keyType)
    .where('not_after', '>', new Date().toISOString())
    .execute();
  if (!existing.some((other) => overlap(other.role, role))) return;
  throw new TlspoolError(
    'identity-exists',
    `${formatSelector(name)} has a key of type ${keyType} for that role already`,
    {
      hint: 'To replace it before it expires, say --renew: the new key is then preferred. --key takes another kind.',
    },
  );
}

function overlap(one: StoredRole, other: StoredRole): boolean {
  return one === other || one === 'both' || other === 'both';
}

async function identityNumber(
  transaction: Transaction<Schema>,
  name: Selector,
  created_at: string,
): Promise<number> {
  const donai = formatSelector(name);
  await transaction
    .insertInto('identities')
    .values({ donai, created_at })
    .onConflict((conflict) => conflict.column('donai').doNothing())
    .execute();
  const { id } = await transaction
    .selectFrom('identities')
    .select('id')
    .where('donai', '=', donai)
    .executeTakeFirstOrThrow();
  return id;
}
