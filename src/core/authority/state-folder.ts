/** The beginning of a pool: its state folder with a token, the store, and the local CA. */
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemReason, TlspoolError } from '../errors.ts';
import { makeFolder } from '../store/make-folder.ts';
import { openStore, type Store, storePath } from '../store/store.ts';
import { createToken } from '../token/create-token.ts';
import type { ModuleConfig } from '../token/modules.ts';
import { formatPinSource, type PinSource, readPin } from '../token/pin-source.ts';
import { registerToken } from '../token/registered-tokens.ts';
import { createSoftHsm, softHsmPaths } from '../token/softhsm.ts';
import { openToken } from '../token/token-session.ts';
import { parsePkcs11Uri } from '../token/uri.ts';
import { type AuthorityKind, listAuthorities } from './authorities.ts';
import { createAuthority } from './new-authority.ts';

export interface StateOrder {
  /** Absolute. */
  readonly stateDir: string;
  /** A SoftHSM token of the pool's own with this label, or one that exists already. */
  readonly token: { readonly label: string } | ExistingToken;
}

export interface ExistingToken {
  readonly module: ModuleConfig;
  readonly uri: string;
  /** Where the daemon finds the PIN. */
  readonly pinSource: PinSource;
  /** Where it is now, if only the daemon will get that source. */
  readonly pinNow?: PinSource | undefined;
}

export interface CreatedState {
  readonly stateDir: string;
  /** Path of the PKCS #11 module. */
  readonly module: string;
  /** Canonical URI. */
  readonly token: string;
  readonly pinSource: string;
  readonly authorities: readonly AuthoritySummary[];
}

export interface AuthoritySummary {
  readonly kind: AuthorityKind;
  readonly subject: string;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
  readonly notAfter: Date;
}

/**
 * All or nothing: a failure leaves the folder as it was, and no keys in a token that is not the pool's own.
 * @throws Pkcs11UriError, TlspoolError `state-exists`, `state-incomplete`, `no-softhsm`, …; TokenError; system errors
 */
export async function createState(order: StateOrder): Promise<CreatedState> {
  const { stateDir } = order;
  if ('uri' in order.token) parsePkcs11Uri(order.token.uri);
  refuseExisting(stateDir);
  const firstNew = await claim(stateDir);
  try {
    const token =
      'label' in order.token ? await ownToken(stateDir, order.token.label) : order.token;
    return await fillStore(stateDir, token);
  } catch (error) {
    await removeParts(stateDir, firstNew);
    throw folderFailure(error, stateDir);
  } finally {
    await rm(claimPath(stateDir), { force: true });
  }
}

async function ownToken(stateDir: string, label: string): Promise<ExistingToken> {
  const module = await createSoftHsm(stateDir);
  const { pin, soPin } = pinFiles(stateDir);
  const { uri, pinSource } = await createToken(module, {
    label,
    pin: { newFile: pin },
    soPin: { newFile: soPin },
  });
  return { module, uri, pinSource };
}

async function fillStore(stateDir: string, token: ExistingToken): Promise<CreatedState> {
  const pin = await readPin(token.pinNow ?? token.pinSource);
  using session = openToken(token.module, token.uri, pin);
  pin.fill(0);
  const store = await openStore(stateDir, 'create');
  try {
    await registerToken(store.db, token.module, { uri: session.uri, pinSource: token.pinSource });
    await createAuthority(store, session);
    return {
      stateDir,
      module: token.module.path,
      token: session.uri,
      pinSource: formatPinSource(token.pinSource),
      authorities: await summarize(store),
    };
  } finally {
    await store.close();
  }
}

async function summarize(store: Store): Promise<AuthoritySummary[]> {
  return (await listAuthorities(store)).map(({ kind, certificate }) => {
    const { subject, fingerprint256, validToDate } = new X509Certificate(certificate);
    return {
      kind,
      subject,
      fingerprint: fingerprint256.replaceAll(':', '').toLowerCase(),
      notAfter: validToDate,
    };
  });
}

function pinFiles(stateDir: string): { pin: string; soPin: string } {
  return { pin: join(stateDir, 'pin'), soPin: join(stateDir, 'so-pin') };
}

/** Everything that makes a state folder; SQLite's companions of the store too. */
function partsOf(stateDir: string): string[] {
  const { conf, tokens } = softHsmPaths(stateDir);
  const { pin, soPin } = pinFiles(stateDir);
  const store = storePath(stateDir);
  return [store, `${store}-wal`, `${store}-shm`, conf, tokens, pin, soPin];
}

/**
 * Makes the folder, and this process the only one that fills it.
 * @returns the outermost folder that had to be made
 */
async function claim(stateDir: string): Promise<string | undefined> {
  try {
    const firstNew = await makeFolder(stateDir);
    await (await open(claimPath(stateDir), 'wx', 0o600)).close();
    // Another one may have come and gone since the first look.
    refuseExisting(stateDir, { claimed: true });
    return firstNew;
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && path === claimPath(stateDir)) throw incomplete(path);
    if (error instanceof TlspoolError) await rm(claimPath(stateDir));
    // What is above the folder was there, or was made: its file system makes no folders.
    if (code === 'ENOENT') throw unusable(stateDir, error);
    throw folderFailure(error, stateDir);
  }
}

/** There while the folder is being filled, or if that was interrupted. */
function claimPath(stateDir: string): string {
  return join(stateDir, 'init-under-way');
}

/** @param firstNew the outermost folder that was made */
async function removeParts(stateDir: string, firstNew: string | undefined): Promise<void> {
  for (const part of partsOf(stateDir).filter((path) => existsSync(path))) {
    await rm(part, { recursive: true });
  }
  await rm(claimPath(stateDir), { force: true });
  if (firstNew === undefined) return;
  for (let folder = stateDir; folder.length >= firstNew.length; folder = dirname(folder)) {
    if ((await readdir(folder)).length > 0) return;
    await rmdir(folder);
  }
}

/** What the system said about the folder, in an operator's words; other errors come back as they are. */
function folderFailure(error: unknown, stateDir: string): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new TlspoolError('state-full', `the disk of ${stateDir} is full`, {
        hint: 'Nothing was left behind. Free some space and do it again.',
        cause: error,
      });
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
    case 'EEXIST':
    case 'ENOTDIR':
      return unusable(stateDir, error);
    default:
      return error;
  }
}

function unusable(stateDir: string, cause: unknown): TlspoolError {
  return new TlspoolError(
    'state-unusable',
    `${stateDir} cannot be written: ${systemReason(cause)}`,
    { hint: 'Give a folder that this user can write with --state-dir.', cause },
  );
}

function refuseExisting(stateDir: string, { claimed = false } = {}): void {
  if (!claimed && existsSync(claimPath(stateDir))) throw incomplete(claimPath(stateDir));
  if (existsSync(storePath(stateDir))) {
    throw new TlspoolError('state-exists', `${stateDir} holds the state of a pool already`, {
      hint: 'Use it as it is, or give another folder with --state-dir. Removing it destroys its keys.',
    });
  }
  const left = partsOf(stateDir).find((part) => existsSync(part));
  if (left !== undefined) throw incomplete(left);
}

function incomplete(left: string): TlspoolError {
  return new TlspoolError(
    'state-incomplete',
    `another \`tlspool init\` is at work, or was interrupted: there is ${left}`,
    { hint: 'If none is at work and nothing in the folder is needed, remove it and try again.' },
  );
}
