import { constants } from 'node:os';
import type { Kysely, Selectable } from 'kysely';
import { TlspoolError } from '../errors.ts';
import { type Donai, formatDonai } from '../identity/donai.ts';
import type { PinsTable, Schema } from '../store/schema.ts';
import type { Store } from '../store/store.ts';

/** A key that a remote is known by. */
export interface Pin {
  readonly id: number;
  /** Canonical DoNAI. */
  readonly remote: string;
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal. */
  readonly key: string;
  readonly source: PinsTable['source'];
  readonly createdAt: Date;
  readonly expiresAt: Date | undefined;
  /** From then until it expires, another key may take its place, once. */
  readonly rollOverAt: Date | undefined;
}

export type NewPin = Omit<Pin, 'id' | 'createdAt'>;

/** What pins say to a key that a remote shows. */
export type PinAnswer =
  | { readonly is: 'match'; readonly pin: Pin }
  /** Another key than is pinned, but its time has come. */
  | { readonly is: 'roll-over'; readonly pin: Pin }
  | { readonly is: 'mismatch'; readonly pin: Pin }
  /** None that has not expired. */
  | { readonly is: 'none' };

/** @throws TlspoolError `pin-exists` */
export async function addPin(db: Kysely<Schema>, pin: NewPin): Promise<void> {
  const added = await db
    .insertInto('pins')
    .values({
      remote: pin.remote,
      key: pin.key,
      source: pin.source,
      created_at: new Date().toISOString(),
      expires_at: pin.expiresAt?.toISOString() ?? null,
      roll_over_at: pin.rollOverAt?.toISOString() ?? null,
    })
    .onConflict((conflict) => conflict.columns(['remote', 'key']).doNothing())
    .executeTakeFirst();
  if (added.numInsertedOrUpdatedRows === 1n) return;
  throw new TlspoolError('pin-exists', `${pin.remote} is pinned to this key already`, {
    hint: `To change how long: tlspool trust unpin ${pin.remote} first.`,
    wire: constants.errno.EEXIST,
  });
}

export async function listPins(db: Kysely<Schema>): Promise<Pin[]> {
  const rows = await db.selectFrom('pins').selectAll().orderBy('remote').orderBy('id').execute();
  return rows.map(pinOf);
}

/** How many went: all of a remote, or those whose key begins so. */
export async function removePins(db: Kysely<Schema>, remote: string, key = ''): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('pins')
    .where('remote', '=', remote)
    .where('key', 'like', `${key}%`)
    .executeTakeFirst();
  return Number(numDeletedRows);
}

/** The pins of a store, asked each time: another process may have added one at a first use. */
export class Pins {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async ask(remote: Donai, key: string, now = new Date()): Promise<PinAnswer> {
    const rows = await this.#store.db
      .selectFrom('pins')
      .selectAll()
      .where('remote', '=', formatDonai(remote))
      .execute();
    const pins = rows.map(pinOf).filter(({ expiresAt }) => !expiresAt || expiresAt > now);
    const match = pins.find((pin) => pin.key === key);
    if (match !== undefined) return { is: 'match', pin: match };
    const [pin] = pins;
    if (pin === undefined) return { is: 'none' };
    const due = pins.find(({ rollOverAt }) => rollOverAt !== undefined && rollOverAt <= now);
    return due === undefined ? { is: 'mismatch', pin } : { is: 'roll-over', pin: due };
  }

  /**
   * The key that a remote showed first.
   * @throws TlspoolError `pin-taken` if another session was quicker, with another key
   */
  async noteFirstUse(remote: Donai, key: string, expiresAt: Date | undefined): Promise<void> {
    await this.#store.transaction(async (transaction) => {
      const name = formatDonai(remote);
      const keys = await pinnedKeys(transaction, name);
      if (keys.includes(key)) return;
      if (keys.length > 0) throw taken(name);
      const [source, rollOverAt] = ['first-use' as const, undefined];
      await addPin(transaction, { remote: name, key, source, expiresAt, rollOverAt });
    });
  }

  /**
   * The key that takes the place of a pinned one: for as long again, and no other after it.
   * @throws TlspoolError `pin-taken` if another key has taken it
   */
  async replace(pin: Pin, key: string): Promise<void> {
    await this.#store.transaction(async (transaction) => {
      const gone = await transaction.deleteFrom('pins').where('id', '=', pin.id).executeTakeFirst();
      const { remote, source, createdAt, expiresAt } = pin;
      if ((await pinnedKeys(transaction, remote)).includes(key)) return;
      if (gone.numDeletedRows === 0n) throw taken(remote);
      const lifetime = expiresAt && expiresAt.getTime() - createdAt.getTime();
      await addPin(transaction, {
        remote,
        key,
        source,
        expiresAt: lifetime === undefined ? undefined : new Date(Date.now() + lifetime),
        rollOverAt: undefined,
      });
    });
  }
}

/** Keys by which a remote is known now; what has expired is forgotten. */
async function pinnedKeys(db: Kysely<Schema>, remote: string): Promise<string[]> {
  const now = new Date().toISOString();
  await db.deleteFrom('pins').where('remote', '=', remote).where('expires_at', '<=', now).execute();
  const pins = await db.selectFrom('pins').select('key').where('remote', '=', remote).execute();
  return pins.map(({ key }) => key);
}

function taken(remote: string): TlspoolError {
  return new TlspoolError('pin-taken', `${remote} was pinned to another key in the meantime`, {
    hint: 'See `tlspool trust list`.',
    wire: constants.errno.EEXIST,
  });
}

function pinOf(row: Selectable<PinsTable>): Pin {
  return {
    id: row.id,
    remote: row.remote,
    key: row.key,
    source: row.source,
    createdAt: new Date(row.created_at),
    expiresAt: row.expires_at === null ? undefined : new Date(row.expires_at),
    rollOverAt: row.roll_over_at === null ? undefined : new Date(row.roll_over_at),
  };
}
