import { X509Certificate } from 'node:crypto';
import { constants } from 'node:os';
import type { Kysely, Selectable } from 'kysely';
import { TlspoolError, UsageError } from '../errors.ts';
import { printable } from '../identity/domain-name.ts';
import { formatSelector, parseSelector, type Selector } from '../identity/selector.ts';
import type { AnchorsTable, Schema, StoredRole } from '../store/schema.ts';
import { type Expression, parseExpression } from './expression.ts';

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
  /** What remotes must meet for whom it vouches. */
  readonly validation: Expression | undefined;
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

/**
 * The anchor whose fingerprint begins so (hexadecimal, colons allowed). Throws TlspoolError `no-anchor`, and
 * UsageError if several do.
 */
export async function requireAnchor(db: Kysely<Schema>, beginning: string): Promise<Anchor> {
  const prefix = beginning.replaceAll(':', '').toLowerCase();
  if (!/^[0-9a-f]{4,64}$/.test(prefix)) {
    throw new UsageError(
      `${printable(beginning)} is not (the beginning of) a SHA-256 fingerprint`,
      'At least four of the digits that `tlspool trust list` shows.',
    );
  }
  const found = (await listAnchors(db)).filter(({ fingerprint }) => fingerprint.startsWith(prefix));
  const [anchor, another] = found;
  if (anchor === undefined) {
    throw new TlspoolError('no-anchor', `no anchor has the fingerprint ${prefix}`, {
      hint: 'See `tlspool trust list`.',
    });
  }
  if (another === undefined) return anchor;
  throw new UsageError(`${found.length} anchors have a fingerprint ${prefix}…`, 'Say more of it.');
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

/** The facts of a certificate that is to vouch for others; throws `unusable-anchor` if it cannot. */
export function describeAnchor(der: Buffer, now = new Date()): AnchorFacts {
  const facts = anchorFacts(der);
  const certificate = readCertificate(der);
  if (!certificate.ca) {
    throw unusable(`${facts.subject} is not a CA: it cannot vouch for others`);
  }
  if (certificate.subject !== certificate.issuer || !certificate.verify(certificate.publicKey)) {
    throw unusable(`${facts.subject} is an intermediate CA: a path ends at its root, add that`);
  }
  if (facts.notAfter < now) {
    throw unusable(`${facts.subject} expired on ${facts.notAfter.toISOString().slice(0, 10)}`);
  }
  return facts;
}

export function anchorFacts(der: Buffer): AnchorFacts {
  const certificate = readCertificate(der);
  return {
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    subject: subjectLine(certificate),
    notAfter: certificate.validToDate,
  };
}

/** `CN=Example Root, O=Example`: Node's lines, joined. */
function subjectLine(certificate: X509Certificate): string {
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
    validation: row.validation === null ? undefined : parseExpression(row.validation),
  };
}
