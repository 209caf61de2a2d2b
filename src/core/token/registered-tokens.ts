/** The modules and tokens that the store names, and ways into them for commands. */
import type { Kysely } from 'kysely';
import { TlspoolError } from '../errors.ts';
import type { Schema } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { RegisteredToken } from './list-tokens.ts';
import type { ModuleConfig } from './modules.ts';
import { formatPinSource, parsePinSource, readPin } from './pin-source.ts';
import { openToken, type TokenSession } from './token-session.ts';
import { formatPkcs11Uri, matchPkcs11Uri, parsePkcs11Uri, tokenPart } from './uri.ts';

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

/**
 * A session with the registered token that a key or token URI names, or else with the token of the local
 * CA; logged in by the token's PIN source. The caller closes it.
 * @throws TlspoolError `token-unknown`, `token-ambiguous`, `no-pin-source`, those of readPin; TokenError
 */
export async function openRegisteredToken(store: Store, uri?: string): Promise<TokenSession> {
  const token = chooseToken(
    await registeredTokens(store.db),
    uri ?? (await keyOfLocalCa(store.db)),
  );
  const module = (await registeredModules(store.db)).find(({ path }) => path === token.modulePath);
  if (module === undefined) {
    throw new TlspoolError('token-unknown', `${token.modulePath} is not registered`);
  }
  if (token.pinSource === undefined) {
    throw new TlspoolError('no-pin-source', `there is no PIN source for ${token.uri}`, {
      hint: `Name one: tlspool tokens init --module ${module.path} --token '${token.uri}' --pin-source file:PATH`,
    });
  }
  const pin = await readPin(token.pinSource);
  try {
    return openToken(module, token.uri, pin);
  } finally {
    pin.fill(0);
  }
}

async function keyOfLocalCa(db: Kysely<Schema>): Promise<string> {
  const root = await db.selectFrom('authorities').select('key_uri').executeTakeFirst();
  // Any token: the only one.
  return root?.key_uri ?? 'pkcs11:';
}

function chooseToken(tokens: readonly RegisteredToken[], uri: string): RegisteredToken {
  const wanted = tokenPart(parsePkcs11Uri(uri));
  const matching = tokens.filter((token) => matchPkcs11Uri(wanted, parsePkcs11Uri(token.uri)));
  const [token, another] = matching;
  if (token === undefined) {
    throw new TlspoolError(
      'token-unknown',
      `no registered token matches ${formatPkcs11Uri(wanted)}`,
      { hint: 'See `tlspool tokens list`; `tlspool tokens init` registers tokens.' },
    );
  }
  if (another !== undefined) {
    throw new TlspoolError('token-ambiguous', `${matching.length} registered tokens match ${uri}`, {
      hint: `Name one of ${matching.map((each) => each.uri).join(', ')}`,
    });
  }
  return token;
}
