import { constants, statSync } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { Transaction } from 'kysely';
import { systemReason, TlspoolError } from '../errors.ts';
import { isRefusedWrite, storeFailure } from './failures.ts';
import { Kysely } from './kysely.ts';
import { makeFolder } from './make-folder.ts';
import { migrate, requireCurrent } from './migrations.ts';
import type { Schema } from './schema.ts';
import { NodeSqliteDialect } from './sqlite.ts';

/** `create` refuses an existing store, `write` and `read` a missing one. */
export type StoreMode = 'create' | 'write' | 'read';

/** How long a writer waits for another one, in ms. */
const BUSY_TIMEOUT = 5_000;

/** The store's file in the state folder. */
export function storePath(stateDir: string): string {
  return join(stateDir, 'store.sqlite');
}

/**
 * Opens the store of a state folder, and brings its schema up to date unless it is only read.
 * Throws TlspoolError: `no-state`, `state-exists`, `state-exposed`, `store-…` (failures.ts).
 */
export async function openStore(stateDir: string, mode: StoreMode): Promise<Store> {
  const path = storePath(stateDir);
  if (mode === 'create') await createFile(stateDir, path);
  else await requireFile(stateDir, path);

  try {
    return await openFile(path, mode);
  } catch (error) {
    if (mode === 'create') await rm(path, { force: true });
    throw error;
  }
}

async function openFile(path: string, mode: StoreMode): Promise<Store> {
  const database = openDatabase(path, mode);
  try {
    const store = new Store(database, path);
    if (mode === 'read') await requireCurrent(store.db);
    else await migrate(store.db);
    return store;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Everything that the pool remembers. Several processes may have the same store open. */
export class Store implements AsyncDisposable {
  readonly db: Kysely<Schema>;
  /** For messages. */
  readonly path: string;
  readonly #database: DatabaseSync;
  readonly #commits: StatementSync;
  readonly #changes: StatementSync;

  constructor(database: DatabaseSync, path: string) {
    this.path = path;
    this.#database = database;
    this.db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(database, path) });
    // By two statements: of a pragma within another one, SQLite would compile the text each time.
    this.#commits = this.#read(() => database.prepare('pragma data_version'));
    this.#changes = this.#read(() => database.prepare('select total_changes()'));
    for (const statement of [this.#commits, this.#changes]) statement.setReturnArrays(true);
  }

  /** All or nothing: what `change` throws undoes what it wrote. Writers queue, readers see the state before. */
  transaction<T>(change: (transaction: Transaction<Schema>) => Promise<T>): Promise<T> {
    return this.db.transaction().execute(change);
  }

  /**
   * Rises with every change, whoever made it; a few microseconds. Equal numbers: what was cached still holds. It adds the
   * commits of other connections (data_version) and our own rows.
   */
  version(): number {
    return this.#read(() => onlyNumber(this.#commits) + onlyNumber(this.#changes));
  }

  /** Rises whenever an anchor comes, goes or changes: verdicts of older generations are void. */
  trustGeneration(): Promise<number> {
    return this.#generation('trust_generation');
  }

  /** Rises whenever a local identity or one of its credentials comes, goes or changes. */
  identityGeneration(): Promise<number> {
    return this.#generation('identity_generation');
  }

  /** Rises whenever a rule, a group or one of its members comes or goes. */
  authorisationGeneration(): Promise<number> {
    return this.#generation('authorisation_generation');
  }

  /** Rises whenever a remote may see more, less or something else of us. */
  disclosureGeneration(): Promise<number> {
    return this.#generation('disclosure_generation');
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.db.destroy();
    if (this.#database.isOpen) this.#database.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #generation(key: string): Promise<number> {
    const row = await this.db
      .selectFrom('settings')
      .select('value')
      .where('key', '=', key)
      .executeTakeFirstOrThrow();
    return Number(row.value);
  }

  #read<T>(query: () => T): T {
    try {
      return query();
    } catch (error) {
      throw storeFailure(error, this.path);
    }
  }
}

/** Of a statement that returns arrays. */
function onlyNumber(statement: StatementSync): number {
  const [value] = statement.get() as unknown as readonly [unknown];
  return Number(value);
}

async function createFile(stateDir: string, path: string): Promise<void> {
  await makeFolder(stateDir).catch((error: unknown) => {
    throw unusableFolder(stateDir, error);
  });
  await refuseExposed(stateDir);
  try {
    // SQLite gives its other files (-wal, -shm) the mode of this one.
    const file = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600);
    await file.close();
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw unusableFolder(stateDir, error);
    throw new TlspoolError('state-exists', `${stateDir} has a store already`, {
      hint: 'Remove the folder to begin anew, or give another one with --state-dir.',
      cause: error,
    });
  }
}

async function requireFile(stateDir: string, path: string): Promise<void> {
  for (const place of [stateDir, path]) {
    await refuseExposed(place).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') throw noState(stateDir);
      if (error instanceof TlspoolError) throw error;
      throw unusableFolder(stateDir, error);
    });
  }
}

/** Whoever can write the store decides whom we trust: neither it nor its folder may be open to others. */
async function refuseExposed(place: string): Promise<void> {
  const { mode } = await stat(place);
  if ((mode & 0o022) === 0) return;
  throw new TlspoolError('state-exposed', `other users can write ${place}`, {
    hint: `Make sure that nobody tampered with it, then: chmod go= ${place}`,
  });
}

function noState(stateDir: string): TlspoolError {
  return new TlspoolError('no-state', `there is no state in ${stateDir}`, {
    hint: 'Run `tlspool init` to make it, or name another folder with --state-dir.',
  });
}

function unusableFolder(stateDir: string, error: unknown): TlspoolError {
  return new TlspoolError('state-unusable', `${stateDir} cannot be used: ${systemReason(error)}`, {
    hint: 'The state folder must belong to the user that runs tlspool.',
    cause: error,
  });
}

function errorCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function openDatabase(path: string, mode: StoreMode): DatabaseSync {
  try {
    if (mode !== 'read') return prepare(new DatabaseSync(path, { timeout: BUSY_TIMEOUT }), WRITER);
    return openReader(path);
  } catch (error) {
    throw storeFailure(error, path);
  }
}

const WRITER = 'pragma journal_mode = wal; pragma synchronous = full;';

/**
 * A reader of a WAL database needs its -shm file, and makes it if it is missing. Where it cannot, and there is nothing
 * in a -wal file to read either, the main file is complete and nobody writes it: SQLite is told so.
 */
function openReader(path: string): DatabaseSync {
  const options = { readOnly: true, timeout: BUSY_TIMEOUT };
  try {
    return prepare(new DatabaseSync(path, options), '');
  } catch (error) {
    if (!isRefusedWrite(error) || sizeOf(`${path}-wal`) > 0) throw error;
    const complete = pathToFileURL(path);
    complete.searchParams.set('immutable', '1');
    return prepare(new DatabaseSync(complete, options), '');
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Sets what is set for a connection; reads something, so that a file that is no store is found out at once. */
function prepare(database: DatabaseSync, settings: string): DatabaseSync {
  try {
    database.exec(`pragma foreign_keys = on; ${settings}`);
    database.prepare('select count(*) from sqlite_schema').get();
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
