import type { Kysely } from 'kysely';
import type { Schema } from '../store/schema.ts';
import { anchorFacts } from '../trust/anchors.ts';
import { type Concern, day, ending } from './concern.ts';

/** Days: whoever believes in the local CA has to be given another one. */
const CA_NEAR = 180;
/** Days: whoever an anchor vouches for needs a certificate of another one. */
const ANCHOR_NEAR = 30;
/** Days: lists count for a week or so, and are made anew long before. */
const LIST_NEAR = 1;
/** Digits by which `trust list` shows fingerprints. */
const SHOWN = 16;

/** CAs that end, ours and those that the operator added, and revocation lists that no newer one has replaced. */
export async function trustConcerns(db: Kysely<Schema>, now: Date): Promise<Concern[]> {
  return [
    ...(await authorityConcerns(db, now)),
    ...(await anchorConcerns(db, now)),
    ...(await listConcerns(db, now)),
  ];
}

async function authorityConcerns(db: Kysely<Schema>, now: Date): Promise<Concern[]> {
  const rows = await db.selectFrom('authorities').select('certificate').orderBy('kind').execute();
  return rows.flatMap(({ certificate }): Concern[] => {
    const { subject, notAfter } = anchorFacts(certificate);
    const word = ending(notAfter, now, CA_NEAR);
    if (word === undefined) return [];
    const message = `the local CA ${subject} ${word} on ${day(notAfter)}, and all that it signed by then`;
    const hint =
      'Begin a new state folder with `tlspool init`, and give its `ca export` to clients.';
    return [{ code: `ca-${word}`, about: subject, message, hint }];
  });
}

async function anchorConcerns(db: Kysely<Schema>, now: Date): Promise<Concern[]> {
  const added = db.selectFrom('anchors').select('certificate').where('source', '=', 'operator');
  return (await added.orderBy('id').execute()).flatMap(({ certificate }): Concern[] => {
    const { subject, fingerprint, notAfter } = anchorFacts(certificate);
    const word = ending(notAfter, now, ANCHOR_NEAR);
    if (word === undefined) return [];
    const message = `the CA ${subject}, which vouches for remotes, ${word} on ${day(notAfter)}`;
    const hint = `Add what takes its place, then: tlspool trust remove ${fingerprint.slice(0, SHOWN)}`;
    return [{ code: `anchor-${word}`, about: subject, message, hint }];
  });
}

async function listConcerns(db: Kysely<Schema>, now: Date): Promise<Concern[]> {
  const dated = db.selectFrom('crls').select(['fingerprint', 'next_update as end']);
  const rows = await dated.where('next_update', 'is not', null).orderBy('id').execute();
  return rows.flatMap(({ fingerprint, end }): Concern[] => {
    const word = end === null ? undefined : ending(new Date(end), now, LIST_NEAR);
    if (end === null || word === undefined) return [];
    const about = fingerprint.slice(0, SHOWN);
    const consequence =
      word === 'expired' ? ': whom its CA certified is refused where lists are looked at' : '';
    const message = `the revocation list ${about} ${word} on ${end}${consequence}`;
    return [
      {
        code: `list-${word}`,
        about,
        message,
        hint: 'Add a newer one: tlspool trust add --crl FILE',
      },
    ];
  });
}
