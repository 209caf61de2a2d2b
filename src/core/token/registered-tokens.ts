/** The modules and tokens that the store and the configuration name. */
import type { Kysely } from 'kysely';
import type { TokenSettings } from '../config/settings.ts';
import { TlspoolError } from '../errors.ts';
import type { Schema } from '../store/schema.ts';
import type { ModuleConfig } from './modules.ts';
import { formatPinSource, type PinSource, parsePinSource } from './pin-source.ts';

/** A token that the pool uses. */
export interface RegisteredToken {
  readonly uri: string;
  readonly modulePath: string;
  readonly pinSource: PinSource | undefined;
}

export async function registeredTokens(db: Kysely<Schema>): Promise<RegisteredToken[]> {
  const rows = await db.selectFrom('tokens').selectAll().orderBy('uri').execute();
  return rows.map((row) => ({
    uri: row.uri,
    modulePath: row.module_path,
    pinSource: row.pin_source === null ? undefined : parsePinSource(row.pin_source),
  }));
}

export async function registeredModules(db: Kysely<Schema>): Promise<ModuleConfig[]> {
  const rows = await db.selectFrom('modules').selectAll().orderBy('path').execute();
  return rows.map((row) => ({ path: row.path, softhsmConf: row.softhsm_conf ?? undefined }));
}

/** What a pool uses. */
export interface KnownTokens {
  readonly modules: readonly ModuleConfig[];
  /** Those of the store first: it says more than what is configured for all tokens of a module. */
  readonly tokens: readonly RegisteredToken[];
}

export async function knownTokens(
  db: Kysely<Schema>,
  configured: TokenSettings | undefined,
): Promise<KnownTokens> {
  const modules = await registeredModules(db);
  const tokens = await registeredTokens(db);
  const more = configuredTokens(configured);
  return {
    modules: [
      ...modules,
      ...more.modules.filter((each) => modules.every(({ path }) => path !== each.path)),
    ],
    tokens: [...tokens, ...more.tokens],
  };
}

/** @throws TlspoolError `config` */
export function configuredTokens(configured: TokenSettings | undefined): KnownTokens {
  if (configured === undefined) return { modules: [], tokens: [] };
  const { module, uri = 'pkcs11:', pinFile } = configured;
  if (module === '') {
    throw new TlspoolError('config', 'the configuration names a token, but not its module', {
      hint: 'Say where it is with pkcs11_path.',
    });
  }
  const pinSource: PinSource | undefined =
    pinFile === undefined ? undefined : { kind: 'file', path: pinFile };
  return { modules: [{ path: module }], tokens: [{ uri, modulePath: module, pinSource }] };
}

/**
 * Remembers the token and its module; a token that is registered already gets the new PIN source.
 * @throws TlspoolError `softhsm-conf-conflict`
 */
export async function registerToken(
  db: Kysely<Schema>,
  module: ModuleConfig,
  token: Omit<RegisteredToken, 'modulePath'>,
): Promise<void> {
  const known = (await registeredModules(db)).find(({ path }) => path === module.path);
  if (known === undefined) {
    const row = { path: module.path, softhsm_conf: module.softhsmConf ?? null };
    await db.insertInto('modules').values(row).execute();
  } else if (known.softhsmConf !== module.softhsmConf) {
    throw new TlspoolError(
      'softhsm-conf-conflict',
      `${module.path} is registered with ${known.softhsmConf ?? 'its default configuration'}`,
      { hint: 'One pool can use a SoftHSM with one configuration only.' },
    );
  }
  const pinSource = token.pinSource === undefined ? null : formatPinSource(token.pinSource);
  await db
    .insertInto('tokens')
    .values({ uri: token.uri, module_path: module.path, pin_source: pinSource })
    .onConflict((conflict) => conflict.column('uri').doUpdateSet({ pin_source: pinSource }))
    .execute();
}
