/** What can be taken out of trust by the beginning of the number that `trust list` shows. */
import type { Kysely } from 'kysely';
import type { Schema } from '../store/schema.ts';
import { anchorFacts, listAnchors, removeAnchor } from './anchors.ts';
import { listFacts, removeList, storedLists } from './crl-file.ts';
import { listDistrusts, removeDistrust } from './distrust.ts';

export interface Removable {
  readonly is: 'anchor' | 'distrust' | 'list';
  /** Fingerprint or serial number, lower-case hexadecimal. */
  readonly value: string;
  /** One line, for people. */
  readonly label: string;
  readonly remove: () => Promise<void>;
}

export async function listRemovable(db: Kysely<Schema>): Promise<Removable[]> {
  const [anchors, distrusts, lists] = [
    await listAnchors(db),
    await listDistrusts(db),
    await storedLists(db),
  ];
  return [
    ...distrusts.map((distrust) => ({
      is: 'distrust' as const,
      value: distrust.value,
      label: `distrust of a ${distrust.kind}${distrust.note === '' ? '' : ` (${distrust.note})`}`,
      remove: () => removeDistrust(db, distrust),
    })),
    ...lists.map(listFacts).map(({ fingerprint, size }) => ({
      is: 'list' as const,
      value: fingerprint,
      label: `revocation list of ${size}`,
      remove: () => removeList(db, fingerprint),
    })),
    ...anchors.map((anchor) => ({
      is: 'anchor' as const,
      value: anchor.fingerprint,
      label: anchorFacts(anchor.certificate).subject,
      remove: () => removeAnchor(db, anchor),
    })),
  ];
}

/** Those that begin so. Whatever is distrusted comes first, where it is an anchor as well. */
export function removableBy(beginning: string, all: readonly Removable[]): Removable[] {
  const digits = beginning.replaceAll(':', '').toLowerCase();
  const serial = digits.replace(/^0+(?=.)/, '');
  const found = all.filter(
    ({ is, value }) => value.startsWith(digits) || (is === 'distrust' && value === serial),
  );
  const [first] = found;
  return first !== undefined && found.every(({ value }) => value === first.value) ? [first] : found;
}
