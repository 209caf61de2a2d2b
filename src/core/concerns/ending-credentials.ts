import { X509Certificate } from 'node:crypto';
import type { Kysely } from 'kysely';
import { pemCertificates } from '../identity/pem.ts';
import type { Schema, StoredRole } from '../store/schema.ts';
import type { KeyType } from '../token/key-types.ts';
import { type Concern, DAY, day, ending } from './concern.ts';

/** Days before its end from which a certificate should be renewed, unless it holds for less than three times that. */
const NEAR = 30;

/** A certificate of ours that ends, or was taken back, where no other of its kind is shown instead. */
export interface EndingCredential {
  /** Of the local identity. */
  readonly id: string;
  readonly role: StoredRole;
  readonly keyType: KeyType;
  /** `pkcs11:` URI. */
  readonly keyUri: string;
  readonly signedBy: 'local-ca' | 'itself' | 'another-ca';
  /** Days from its beginning to its end. */
  readonly lifetime: number;
  readonly code: Concern['code'];
  /** What is the matter: `expires on 2030-12-31`. */
  readonly words: string;
}

interface Credential extends Pick<EndingCredential, 'id' | 'role' | 'keyType' | 'keyUri'> {
  readonly leaf: Buffer;
  readonly certificate: X509Certificate;
}

/**
 * By name.
 * @param within days before its end from which a certificate counts; unless given, as it should be renewed: 30, or the
 * last third of its time if that is shorter
 */
export async function endingCredentials(
  db: Kysely<Schema>,
  now: Date,
  within?: number,
): Promise<EndingCredential[]> {
  const suspects = await suspectCredentials(db, now, within ?? NEAR);
  if (suspects.length === 0) return [];
  const revoked = await revokedLeaves(db);
  const roots = await db.selectFrom('authorities').select('certificate').execute();
  const authorities = roots.map(({ certificate }) => new X509Certificate(certificate));
  const judged = suspects.map((credential) => ({
    credential,
    trouble: troubleOf(credential, revoked.get(credential.id) ?? [], now, within),
  }));
  return [...Map.groupBy(judged, ({ credential }) => credential.id).values()].flatMap((ofOne) =>
    ofOne.flatMap(({ credential, trouble }) => {
      const replaced = ofOne.some(
        (other) => other.trouble === undefined && replaces(other.credential, credential),
      );
      if (trouble === undefined || replaced) return [];
      const { leaf: _, certificate, ...facts } = credential;
      const signedBy = signerOf(certificate, authorities);
      return [{ ...facts, ...trouble, signedBy, lifetime: lifetimeOf(certificate) }];
    }),
  );
}

/** All credentials of the identities of which one may be of concern, by name. */
async function suspectCredentials(
  db: Kysely<Schema>,
  now: Date,
  near: number,
): Promise<Credential[]> {
  const limit = new Date(now.getTime() + near * DAY).toISOString();
  const ending = db.selectFrom('credentials').select('identity_id').where('not_after', '<=', limit);
  const revoked = db
    .selectFrom('issued')
    .innerJoin('identities', 'identities.donai', 'issued.donai')
    .select('identities.id as identity_id')
    .where('revoked_at', 'is not', null);
  const rows = await db
    .selectFrom('credentials')
    .innerJoin('identities', 'identities.id', 'credentials.identity_id')
    .select(['identities.donai as id', 'role', 'key_type', 'key_uri as keyUri', 'chain'])
    .where('identity_id', 'in', ending.union(revoked))
    .orderBy('identities.donai')
    .orderBy('preference')
    .execute();
  return rows.flatMap(({ chain, key_type, ...rest }) => {
    const [leaf] = pemCertificates(chain);
    if (leaf === undefined) return [];
    const keyType = key_type as KeyType;
    return [{ ...rest, keyType, leaf, certificate: new X509Certificate(leaf) }];
  });
}

/** What the local CA took back of what it signed for local identities, by their names. */
async function revokedLeaves(db: Kysely<Schema>): Promise<ReadonlyMap<string, readonly Buffer[]>> {
  const rows = await db
    .selectFrom('issued')
    .innerJoin('identities', 'identities.donai', 'issued.donai')
    .select(['issued.donai as id', 'certificate'])
    .where('revoked_at', 'is not', null)
    .execute();
  const leaves = new Map<string, Buffer[]>();
  for (const { id, certificate } of rows) {
    leaves.set(id, [...(leaves.get(id) ?? []), Buffer.from(certificate)]);
  }
  return leaves;
}

function troubleOf(
  { leaf, certificate }: Credential,
  revoked: readonly Buffer[],
  now: Date,
  within: number | undefined,
): Pick<EndingCredential, 'code' | 'words'> | undefined {
  if (revoked.some((each) => each.equals(leaf))) {
    return { code: 'identity-revoked', words: 'was revoked by the local CA' };
  }
  const end = certificate.validToDate;
  const word = ending(end, now, within ?? Math.min(NEAR, lifetimeOf(certificate) / 3));
  return word && { code: `identity-${word}`, words: `${word} on ${day(end)}` };
}

function lifetimeOf({ validFromDate, validToDate }: X509Certificate): number {
  return (validToDate.getTime() - validFromDate.getTime()) / DAY;
}

/** Whether one credential is shown wherever the other one is. */
function replaces(one: Credential, other: Credential): boolean {
  return one.keyType === other.keyType && (one.role === 'both' || one.role === other.role);
}

function signerOf(
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
): EndingCredential['signedBy'] {
  if (authorities.some((authority) => certificate.checkIssued(authority))) return 'local-ca';
  const { subject, issuer, publicKey } = certificate;
  // A leaf may not sign others, and is nobody's issuer to checkIssued.
  return subject === issuer && certificate.verify(publicKey) ? 'itself' : 'another-ca';
}
