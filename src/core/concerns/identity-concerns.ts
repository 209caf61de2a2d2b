import { X509Certificate } from 'node:crypto';
import type { Kysely } from 'kysely';
import { pemCertificates } from '../identity/pem.ts';
import type { Schema, StoredRole } from '../store/schema.ts';
import { type Concern, DAY, day, ending } from './concern.ts';

/** Days before its end from which a certificate should be renewed, unless it holds for less than three times that. */
const NEAR = 30;

interface Credential {
  readonly id: string;
  readonly role: StoredRole;
  readonly keyType: string;
  readonly leaf: Buffer;
}

/** Local identities whose certificates end, or were taken back by the local CA, and that have no other of their kind. */
export async function identityConcerns(db: Kysely<Schema>, now: Date): Promise<Concern[]> {
  const suspects = await suspectCredentials(db, now);
  if (suspects.length === 0) return [];
  const revoked = await revokedLeaves(db);
  const roots = await db.selectFrom('authorities').select('certificate').execute();
  const authorities = roots.map(({ certificate }) => new X509Certificate(certificate));
  const judged = suspects.map((credential) => ({
    credential,
    trouble: troubleOf(credential, revoked.get(credential.id) ?? [], now),
  }));
  return [...Map.groupBy(judged, ({ credential }) => credential.id).values()].flatMap((ofOne) =>
    ofOne.flatMap(({ credential, trouble }) => {
      if (trouble === undefined) return [];
      const replaced = ofOne.some(
        (other) => other.trouble === undefined && replaces(other.credential, credential),
      );
      if (replaced) return [];
      const { id, role, keyType } = credential;
      const message = `the certificate of ${id} (${role}, ${keyType}) ${trouble.words}`;
      return [{ code: trouble.code, about: id, message, hint: renewal(credential, authorities) }];
    }),
  );
}

/** All credentials of the identities of which one may be of concern, by name. */
async function suspectCredentials(db: Kysely<Schema>, now: Date): Promise<Credential[]> {
  const near = new Date(now.getTime() + NEAR * DAY).toISOString();
  const ending = db.selectFrom('credentials').select('identity_id').where('not_after', '<=', near);
  const revoked = db.selectFrom('issued').select('donai').where('revoked_at', 'is not', null);
  const rows = await db
    .selectFrom('credentials')
    .innerJoin('identities', 'identities.id', 'credentials.identity_id')
    .select(['identities.donai as id', 'role', 'key_type as keyType', 'chain'])
    .where((where) => where.or([where('identity_id', 'in', ending), where('donai', 'in', revoked)]))
    .orderBy('identities.donai')
    .orderBy('preference')
    .execute();
  return rows.flatMap(({ chain, ...rest }) => {
    const [leaf] = pemCertificates(chain);
    return leaf === undefined ? [] : [{ ...rest, leaf }];
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
  { leaf }: Credential,
  revoked: readonly Buffer[],
  now: Date,
): { readonly code: Concern['code']; readonly words: string } | undefined {
  if (revoked.some((each) => each.equals(leaf))) {
    return { code: 'identity-revoked', words: 'was revoked by the local CA' };
  }
  const { validFromDate: begin, validToDate: end } = new X509Certificate(leaf);
  const lifetime = (end.getTime() - begin.getTime()) / DAY;
  const word = ending(end, now, Math.min(NEAR, lifetime / 3));
  return word && { code: `identity-${word}`, words: `${word} on ${day(end)}` };
}

/** Whether one credential is shown wherever the other one is. */
function replaces(one: Credential, other: Credential): boolean {
  return one.keyType === other.keyType && (one.role === 'both' || one.role === other.role);
}

/** By whom it was signed the last time. */
function renewal({ id, role, keyType, leaf }: Credential, authorities: readonly X509Certificate[]) {
  const certificate = new X509Certificate(leaf);
  const usual = id.includes('@') ? 'client' : 'server';
  const flags = [
    '--renew',
    ...(keyType === 'ec-p256' ? [] : [`--key ${keyType}`]),
    ...(role === usual ? [] : [`--role ${role}`]),
  ].join(' ');
  if (authorities.some((authority) => certificate.checkIssued(authority))) {
    return `Renew it: tlspool identities create ${id} ${flags}`;
  }
  if (certificate.checkIssued(certificate)) {
    return `Renew it: tlspool identities create ${id} ${flags} --self-signed`;
  }
  return `Renew it: tlspool identities csr ${id} ${flags}, and install what the CA answers.`;
}
