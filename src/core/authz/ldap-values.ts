import type { Entry } from 'ldapts';

/** Reads attributes of one entry. */
export type AttributeReader = (attributes: readonly string[]) => Promise<Entry | undefined>;

/** Values that came with the entry, whole. */
export function valuesOf(entry: Entry, attribute: string): string[] {
  const value = entry[attribute] ?? [];
  return (Array.isArray(value) ? value : [value]).map(String);
}

/**
 * All values of an attribute, however many: some directories give no more than 1,500 at once, and say which
 * (`member;range=0-1499`, MS-ADTS section 3.1.1.3.1.3.3). The rest is asked for.
 * @param most values
 */
export async function allValuesOf(
  entry: Entry,
  attribute: string,
  read: AttributeReader,
  most: number,
): Promise<string[]> {
  const values = valuesOf(entry, attribute);
  let part = partOf(entry, attribute);
  while (part !== undefined) {
    values.push(...part.values);
    const { next } = part;
    if (next === undefined) break;
    if (values.length > most) throw new Error(`${attribute} has more than ${most} values`);
    const more = await read([`${attribute};range=${next}-*`]);
    part = more && partOf(more, attribute);
    if (part?.first !== next) throw new Error(`${attribute} lacks its values from ${next} on`);
  }
  return values;
}

interface Part {
  readonly first: number;
  readonly values: readonly string[];
  /** Number of the first value after these; undefined: there is none. */
  readonly next: number | undefined;
}

function partOf(entry: Entry, attribute: string): Part | undefined {
  for (const name of Object.keys(entry)) {
    const [, base = '', first = '', last = ''] = /^(\w+);range=(\d+)-(\d+|\*)$/i.exec(name) ?? [];
    if (base.toLowerCase() !== attribute.toLowerCase()) continue;
    const values = valuesOf(entry, name);
    // The library has what was asked for and did not come as an attribute without values.
    if (values.length === 0) continue;
    return { first: Number(first), values, next: last === '*' ? undefined : Number(last) + 1 };
  }
  return undefined;
}
