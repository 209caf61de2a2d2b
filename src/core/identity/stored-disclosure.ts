import type { Transaction } from 'kysely';
import { TlspoolError } from '../errors.ts';
import type { Schema } from '../store/schema.ts';
import { type Donai, formatDonai } from './donai.ts';
import { formatSelector, type Selector } from './selector.ts';

/** Where a local identity comes in the list of its remote. */
export type Place = 'first' | 'last';

/**
 * Lets remotes see a local identity. What is there already stays where it is, unless it is to be moved.
 * @returns whether anything changed
 */
export async function disclose(
  transaction: Transaction<Schema>,
  remote: Selector,
  local: Donai,
  { place, move }: { readonly place: Place; readonly move: boolean },
): Promise<boolean> {
  const names = { remote: formatSelector(remote), local: formatDonai(local) };
  const there = await positions(transaction, names.remote);
  const known = there.get(names.local);
  if (known !== undefined && !move) return false;
  const others = [...there].filter(([each]) => each !== names.local).map(([, at]) => at);
  const position = place === 'first' ? Math.min(1, ...others) - 1 : Math.max(-1, ...others) + 1;
  if (known === undefined) {
    const created_at = new Date().toISOString();
    await transaction
      .insertInto('disclosures')
      .values({ ...names, position, created_at })
      .execute();
    return true;
  }
  await transaction
    .updateTable('disclosures')
    .set({ position })
    .where('remote', '=', names.remote)
    .where('local', '=', names.local)
    .execute();
  return true;
}

/**
 * Lets remotes see a local identity no more. @param local undefined: all of the remote's
 * @returns how many entries went. @throws TlspoolError `no-disclosure`
 */
export async function withhold(
  transaction: Transaction<Schema>,
  remote: Selector,
  local: Donai | undefined,
): Promise<number> {
  const name = formatSelector(remote);
  let query = transaction.deleteFrom('disclosures').where('remote', '=', name);
  if (local !== undefined) query = query.where('local', '=', formatDonai(local));
  const { numDeletedRows } = await query.executeTakeFirst();
  if (numDeletedRows > 0n) return Number(numDeletedRows);
  const what = local === undefined ? 'nothing' : formatDonai(local);
  throw new TlspoolError(
    'no-disclosure',
    `${what} is ${local === undefined ? '' : 'not '}disclosed to ${name}`,
    {
      hint: 'See `tlspool disclose list`; `tlspool disclose test` shows what counts for a remote.',
    },
  );
}

async function positions(
  transaction: Transaction<Schema>,
  remote: string,
): Promise<Map<string, number>> {
  const rows = await transaction
    .selectFrom('disclosures')
    .select(['local', 'position'])
    .where('remote', '=', remote)
    .execute();
  return new Map(rows.map(({ local, position }) => [local, position]));
}
