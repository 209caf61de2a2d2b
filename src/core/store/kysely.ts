/**
 * What is used of Kysely, in one place: the build turns this file into all of it (setup/bundle.mjs), as two hundred
 * small files take longer to load than most commands to run.
 */

export {
  CompiledQuery,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely';
