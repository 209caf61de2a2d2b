import { constants } from 'node:os';
import type { Kysely } from 'kysely';
import { TlspoolError, UsageError } from '../errors.ts';
import { printable } from '../identity/domain-name.ts';
import { wantEndShown } from '../store/review-wishes.ts';
import type { DistrustsTable, Schema } from '../store/schema.ts';
import { certificateParts, fingerprintsOf, sha256 } from './fingerprints.ts';
import { signatureTwins } from './signature-twins.ts';

export type DistrustKind = DistrustsTable['kind'];

/** What is never believed: it beats every anchor and every pin. */
export interface Distrust {
  readonly kind: DistrustKind;
  /** See DistrustsTable. */
  readonly value: string;
  readonly note: string;
}

/** Serial numbers of fewer digits are given by many CAs: they name no certificate. */
const SHORTEST_SERIAL = 8;

/** What a person gave: a fingerprint of a certificate or a key has 64 digits, a serial number has up to 40. */
export function parseDistrusted(text: string, isKey: boolean): Pick<Distrust, 'kind' | 'value'> {
  const digits = text.replaceAll(/[:\s]/g, '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits)) return { kind: isKey ? 'key' : 'certificate', value: digits };
  const serial = digits.replace(/^0+(?=.)/, '');
  if (!isKey && /^[0-9a-f]{1,40}$/.test(digits) && serial.length >= SHORTEST_SERIAL) {
    return { kind: 'serial', value: serial };
  }
  throw new UsageError(
    `${printable(text)} is no file, no SHA-256 fingerprint and no serial number that names one certificate`,
    'Give the certificate itself: a file in PEM or DER.',
  );
}

/**
 * @param endSessions whether pools that no command can ask end the open sessions in which it was shown
 * @throws TlspoolError `distrust-exists`, unless sessions are to end
 */
export async function addDistrust(
  db: Kysely<Schema>,
  distrust: Distrust,
  endSessions = false,
): Promise<void> {
  const added = await db
    .insertInto('distrusts')
    .values({ ...distrust, created_at: new Date().toISOString() })
    .onConflict((conflict) => conflict.columns(['kind', 'value']).doNothing())
    .executeTakeFirst();
  if (endSessions) await wantEndShown(db, distrust);
  if (added.numInsertedOrUpdatedRows === 1n || endSessions) return;
  throw new TlspoolError('distrust-exists', `this ${distrust.kind} is distrusted already`, {
    wire: constants.errno.EEXIST,
  });
}

export async function listDistrusts(db: Kysely<Schema>): Promise<Distrust[]> {
  return db.selectFrom('distrusts').select(['kind', 'value', 'note']).orderBy('id').execute();
}

export async function removeDistrust(
  db: Kysely<Schema>,
  { kind, value }: Pick<Distrust, 'kind' | 'value'>,
): Promise<void> {
  await db.deleteFrom('distrusts').where('kind', '=', kind).where('value', '=', value).execute();
}

/** Why somebody is not to be believed, whatever vouches for it. */
export interface DistrustReason {
  readonly reason: string;
  /** What would change that. */
  readonly advice: string;
}

/** All that is distrusted, with what the local CA revoked. */
export class Distrusted {
  readonly #entries: ReadonlyMap<string, DistrustReason>;
  readonly #hasFingerprints: boolean;

  private constructor(entries: ReadonlyMap<string, DistrustReason>) {
    this.#entries = entries;
    this.#hasFingerprints = [...entries.keys()].some((key) => key.startsWith('certificate '));
  }

  static none(): Distrusted {
    return new Distrusted(new Map());
  }

  /** These, and nothing else. */
  static of(distrusts: readonly Distrust[]): Distrusted {
    return new Distrusted(new Map(distrusts.map(entryOf)));
  }

  static async read(db: Kysely<Schema>): Promise<Distrusted> {
    const entries = new Map<string, DistrustReason>();
    const revoked = await db
      .selectFrom('issued')
      .select(['certificate', 'revoked_at'])
      .where('revoked_at', 'is not', null)
      .execute();
    for (const { certificate, revoked_at } of revoked) {
      entries.set(issuedAs(Buffer.from(certificate)), {
        reason: `the local CA revoked it on ${revoked_at?.slice(0, 10) ?? ''}`,
        advice: 'What was revoked stays so: sign a new one (`tlspool ca sign`, `ca issue`).',
      });
    }
    for (const distrust of await listDistrusts(db)) entries.set(...entryOf(distrust));
    return new Distrusted(entries);
  }

  /** Why one of the certificates is not to be believed. @throws DerError */
  reason(certificates: readonly Buffer[]): DistrustReason | undefined {
    if (this.#entries.size === 0) return undefined;
    for (const [depth, der] of certificates.entries()) {
      const found = this.#find(der);
      if (found === undefined) continue;
      const which = depth === 0 ? 'the certificate' : `certificate ${depth + 1} of the chain`;
      const reason = `${which} is not to be believed: ${found.reason}`;
      return { reason, advice: found.advice };
    }
    return undefined;
  }

  #find(der: Buffer): DistrustReason | undefined {
    const { certificate, key, serial } = fingerprintsOf(der);
    return (
      this.#entries.get(issuedAs(der)) ??
      this.#entries.get(`certificate ${certificate}`) ??
      this.#entries.get(`key ${key}`) ??
      this.#entries.get(`serial ${serial}`) ??
      this.#findTwin(der)
    );
  }

  /** Whoever is distrusted could have made its certificate into another one. */
  #findTwin(der: Buffer): DistrustReason | undefined {
    if (!this.#hasFingerprints) return undefined;
    for (const twin of signatureTwins(der)) {
      const found = this.#entries.get(`certificate ${sha256(twin)}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function entryOf({ kind, value, note }: Distrust): [string, DistrustReason] {
  const why = note === '' ? '' : ` (${printable(note)})`;
  const reason = `its ${kind === 'serial' ? 'serial number' : kind} is distrusted${why}`;
  const advice = `If that was a mistake: tlspool trust remove ${value}`;
  return [`${kind} ${value}`, { reason, advice }];
}

/** A CA's certificates are told apart by their numbers (RFC 5280 section 4.1.2.2), whatever becomes of their signatures. */
function issuedAs(certificate: Buffer): string {
  const { issuer, serial } = certificateParts(certificate);
  return `issued ${sha256(Buffer.concat([issuer, serial]))}`;
}
