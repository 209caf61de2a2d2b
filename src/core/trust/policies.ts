import type { Kysely } from 'kysely';
import type { TlsRole } from '../engine/types.ts';
import type { Schema } from '../store/schema.ts';
import { type Expression, parseExpression } from './expression.ts';

/** What every remote of a role must meet; undefined: nobody said, so that the default stands. */
export type Policies = Readonly<Record<TlsRole, Expression | undefined>>;

export const noPolicies: Policies = { server: undefined, client: undefined };

export async function readPolicies(db: Kysely<Schema>): Promise<Policies> {
  const rows = await db.selectFrom('validation_policies').selectAll().execute();
  const of = (role: TlsRole) => {
    const row = rows.find((candidate) => candidate.role === role);
    return row && parseExpression(row.expression);
  };
  return { server: of('server'), client: of('client') };
}

/** @param expression undefined: the default again */
export async function setPolicy(
  db: Kysely<Schema>,
  role: TlsRole,
  expression: Expression | undefined,
): Promise<void> {
  if (expression === undefined) {
    await db.deleteFrom('validation_policies').where('role', '=', role).execute();
    return;
  }
  await db
    .insertInto('validation_policies')
    .values({ role, expression: expression.text })
    .onConflict((conflict) => conflict.column('role').doUpdateSet({ expression: expression.text }))
    .execute();
}
