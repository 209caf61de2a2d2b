/** Where validation expressions come from: the policy for a role, anchors, and our own identities. */
import type { Kysely } from 'kysely';
import type { TlsRole } from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import { formatSelector, type Selector } from '../identity/selector.ts';
import type { Schema } from '../store/schema.ts';
import { type Anchor, listAnchors } from './anchors.ts';
import { type Expression, lettersOf, parseExpression } from './expression.ts';
import { readPolicies } from './policies.ts';

/** What remotes must meet for whom the anchor vouches. @param expression undefined: nothing of its own */
export async function setAnchorExpression(
  db: Kysely<Schema>,
  { id }: Anchor,
  expression: Expression | undefined,
): Promise<void> {
  await db
    .updateTable('anchors')
    .set({ validation: expression?.text ?? null })
    .where('id', '=', id)
    .execute();
}

/** What remotes must meet to whom the identity is shown. @throws TlspoolError `no-identity` */
export async function setIdentityExpression(
  db: Kysely<Schema>,
  name: Selector,
  expression: Expression | undefined,
): Promise<void> {
  const donai = formatSelector(name);
  const { numUpdatedRows } = await db
    .updateTable('credentials')
    .set({ validation: expression?.text ?? null })
    .where('identity_id', 'in', (query) =>
      query.selectFrom('identities').select('id').where('donai', '=', donai),
    )
    .executeTakeFirst();
  if (numUpdatedRows > 0n) return;
  throw new TlspoolError('no-identity', `there is no local identity ${donai}`, {
    hint: 'See `tlspool identities list`.',
  });
}

/** Those of our identities that ask for something, with what they ask for. */
export async function identityExpressions(
  db: Kysely<Schema>,
): Promise<readonly { readonly id: string; readonly expression: string }[]> {
  const rows = await db
    .selectFrom('credentials')
    .innerJoin('identities', 'identities.id', 'credentials.identity_id')
    .select(['donai', 'validation'])
    .distinct()
    .where('validation', 'is not', null)
    .orderBy('donai')
    .execute();
  return rows.map(({ donai, validation }) => ({ id: donai, expression: validation ?? '' }));
}

/** Whether anything that is asked of remotes of a role looks at pins: otherwise a pin is without effect. */
export async function somethingLooksAtPins(db: Kysely<Schema>, role: TlsRole): Promise<boolean> {
  const policy = (await readPolicies(db))[role];
  const ofAnchors = (await listAnchors(db)).map(({ validation }) => validation);
  const ofIdentities = (await identityExpressions(db)).map(({ expression }) =>
    parseExpression(expression),
  );
  return [policy, ...ofAnchors, ...ofIdentities].some(
    (expression) => expression && lettersOf(expression.term).some((letter) => /p/i.test(letter)),
  );
}
