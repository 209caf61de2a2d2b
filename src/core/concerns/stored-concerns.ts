import type { Kysely } from 'kysely';
import type { Schema } from '../store/schema.ts';
import type { Concern } from './concern.ts';
import { identityConcerns } from './identity-concerns.ts';
import { trustConcerns } from './trust-concerns.ts';

/** What ends or has ended of all that a store holds. */
export async function storedConcerns(db: Kysely<Schema>, now = new Date()): Promise<Concern[]> {
  return [...(await identityConcerns(db, now)), ...(await trustConcerns(db, now))];
}
