import { X509Certificate } from 'node:crypto';
import { constants } from 'node:os';
import type { Kysely, Selectable } from 'kysely';
import { TlspoolError } from '../errors.ts';
import { printable } from '../identity/domain-name.ts';
import { formatSelector, parseSelector, type Selector } from '../identity/selector.ts';
import type { AnchorsTable, Schema, StoredRole } from '../store/schema.ts';

/** A CA certificate, and what it vouches for. */
export interface Anchor {
  readonly id: number;
  /** DER. */
  readonly certificate: Buffer;
  /** SHA-256, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** Of the remotes that it vouches for. */
  readonly role: StoredRole;
  /** Names that it vouches for. */
  readonly selectors: readonly Selector[];
  readonly source: AnchorSource;
}

export type AnchorSource = AnchorsTable['source'];

/** Every name: domains, and users. */
export const ANYONE: readonly Selector[] = [parseSelector('.'), parseSelector('@.')];

export interface NewAnchor {
  readonly certificate: Buffer;
  readonly role: StoredRole;
  readonly selectors: readonly Selector[];
  readonly source: AnchorSource;
}

/**
 * Trusts a CA. Throws TlspoolError: `unusable-anchor` if the certificate cannot vouch for anyone (no CA, expired,
 * malformed), `anchor-exists` if it is an anchor already.
 */
export async function addAnchor(db: Kysely<Schema>, anchor: NewAnchor): Promise<Anchor> {
  const { fingerprint, subject } = describeAnchor(anchor.certificate);
  const existing = await findAnchor(db, fingerprint);
  if (existing !== undefined) {
    throw new TlspoolError('anchor-exists', `${subject} is an anchor already`, {
      hint: `Take it out first, to change what it vouches for: tlspool trust remove ${fingerprint.slice(0, 16)}`,
      wire: constants.errno.EEXIST,
    });
  }
  const row = {
    certificate: anchor.certificate,
    fingerprint,
    role: anchor.role,
    selectors: JSON.stringify(anchor.selectors.map(formatSelector)),
    source: anchor.source,
    created_at: new Date().toISOString(),
  };
  await db.insertInto('anchors').values(row).execute();
  const added = await findAnchor(db, fingerprint);
  if (added === undefined) throw new Error('An anchor vanished while it was added.');
  return added;
}

export async function listAnchors(db: Kysely<Schema>): Promise<Anchor[]> {
  const rows = await db.selectFrom('anchors').selectAll().orderBy('id').execute();
  return rows.map(anchorOf);
}

/** By SHA-256 fingerprint, lower-case hexadecimal. */
async function findAnchor(db: Kysely<Schema>, fingerprint: string): Promise<Anchor | undefined> {
  const row = await db
    .selectFrom('anchors')
    .selectAll()
    .where('fingerprint', '=', fingerprint)
    .executeTakeFirst();
  return row && anchorOf(row);
}

export async function removeAnchor(db: Kysely<Schema>, { id }: Anchor): Promise<void> {
  await db.deleteFrom('anchors').where('id', '=', id).execute();
}

export interface AnchorFacts {
  readonly fingerprint: string;
  /** One line, for people; proves nothing. */
  readonly subject: string;
  readonly notAfter: Date;
}

/** Reads a certificate as an anchor; throws `unusable-anchor` if it can be none. */
export function describeAnchor(der: Buffer, now = new Date()): AnchorFacts {
  const certificate = readCertificate(der);
  const subject = subjectLine(certificate);
  if (!certificate.ca) {
    throw unusable(`${subject} is not a CA: it cannot vouch for others`);
  }
  if (certificate.validToDate < now) {
    throw unusable(`${subject} expired on ${certificate.validTo}`);
  }
  return {
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    subject,
    notAfter: certificate.validToDate,
  };
}

/** `CN=Example Root, O=Example`: Node's lines, joined. */
export function subjectLine(certificate: X509Certificate): string {
  const lines = (certificate.subject ?? '').split('\n').filter((line) => line !== '');
  const shown = printable(lines.reverse().join(', '));
  return shown || `serial number ${certificate.serialNumber}`;
}

function readCertificate(der: Buffer): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (error) {
    throw unusable('this is not an X.509 certificate', error);
  }
}

function unusable(message: string, cause?: unknown): TlspoolError {
  return new TlspoolError('unusable-anchor', message, { cause });
}

function anchorOf(row: Selectable<AnchorsTable>): Anchor {
  return {
    id: row.id,
    certificate: row.certificate,
    fingerprint: row.fingerprint,
    role: row.role,
    selectors: (JSON.parse(row.selectors) as string[]).map(parseSelector),
    source: row.source,
  };
}
