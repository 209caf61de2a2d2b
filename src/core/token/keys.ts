/** Private keys in a token: made there or brought there once, found, and destroyed. They never leave. */
import { createPrivateKey, createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import pkcs11js from 'pkcs11js';
import { TlspoolError } from '../errors.ts';
import { attempt, TokenError } from './failure.ts';
import { findKey } from './find-key.ts';
import {
  generationMechanism,
  generationTemplates,
  importTemplates,
  type KeyName,
} from './key-templates.ts';
import { ecPublicKey, type KeyType, keyTypeOfObject, rsaBits, rsaPublicKey } from './key-types.ts';
import { destroyObject, readAttribute, readFlag } from './objects.ts';
import { proveKey } from './signer.ts';
import { objectUri, type TokenSession } from './token-session.ts';

export interface NewKey {
  /** Canonical `pkcs11:` URI of the private key. */
  readonly uri: string;
  readonly type: KeyType;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
}

/**
 * Makes a key pair in the token, so that the private key is nowhere else and never will be.
 * @throws TokenError `key-type-unsupported`, `key-extractable`, …
 */
export async function generateKeyPair(
  session: TokenSession,
  type: KeyType,
  label: string,
): Promise<NewKey> {
  const name = newName(label);
  const templates = generationTemplates(type, name);
  const pair = attempt(`generate a key of type ${type} in ${session.uri}`, () =>
    session.pkcs11.C_GenerateKeyPair(
      session.handle,
      { mechanism: generationMechanism(type) },
      templates.publicKey,
      templates.privateKey,
    ),
  );
  return keepOrDestroy(session, [pair.privateKey, pair.publicKey], async () => {
    requireKept(session, pair.privateKey, 'generated');
    const key = {
      uri: uriOf(session, name),
      type,
      publicKey: readPublicKey(session, pair.publicKey, type),
    };
    await proveKey(session, key.uri, key.publicKey);
    return key;
  });
}

/**
 * Writes a private key (PKCS #8, DER, not encrypted) into the token. From then on it cannot be read; the
 * copy that came in is the caller's to wipe.
 * @throws TlspoolError `bad-private-key`, `key-type-unsupported`; TokenError
 */
export async function importPrivateKey(
  session: TokenSession,
  pkcs8: Buffer,
  label: string,
): Promise<NewKey> {
  const privateKey = parsePrivateKey(pkcs8);
  const type = keyTypeOfObject(privateKey);
  const name = newName(label);
  const templates = importTemplates(type, name, privateKey);

  const made: pkcs11js.Handle[] = [];
  return keepOrDestroy(session, made, async () => {
    for (const template of [templates.privateKey, templates.publicKey]) {
      made.push(
        attempt(`write a key of type ${type} into ${session.uri}`, () =>
          session.pkcs11.C_CreateObject(session.handle, template),
        ),
      );
    }
    requireKept(session, made[0] as pkcs11js.Handle, 'imported');
    const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
    const key = { uri: uriOf(session, name), type, publicKey };
    await proveKey(session, key.uri, publicKey);
    return key;
  });
}

/** Removes the private key, and the public key and certificates that share its CKA_ID. For good. */
export function destroyKey(session: TokenSession, uri: string): void {
  const key = findKey(session, uri);
  const companions =
    key.id.length === 0
      ? []
      : [pkcs11js.CKO_PUBLIC_KEY, pkcs11js.CKO_CERTIFICATE].flatMap((kind) =>
          session.find([
            { type: pkcs11js.CKA_CLASS, value: kind },
            { type: pkcs11js.CKA_ID, value: key.id },
          ]),
        );
  for (const object of [key.handle, ...companions]) destroyObject(session, object, key.uri);
}

function newName(label: string): KeyName {
  // Random, so that equal labels (several keys of one identity) never mean two keys by one URI.
  return { id: randomBytes(16), label };
}

function uriOf(session: TokenSession, { id, label }: KeyName): string {
  return objectUri(session, { id, object: label, type: 'private' });
}

async function keepOrDestroy<T>(
  session: TokenSession,
  made: readonly pkcs11js.Handle[],
  finish: () => Promise<T>,
): Promise<T> {
  try {
    return await finish();
  } catch (error) {
    for (const object of made) destroyObject(session, object, session.uri);
    throw error;
  }
}

/** What was asked for in the template is checked: some tokens take it and do otherwise. */
function requireKept(
  session: TokenSession,
  key: pkcs11js.Handle,
  origin: 'generated' | 'imported',
): void {
  const sensitive = readFlag(session, key, pkcs11js.CKA_SENSITIVE);
  const extractable = readFlag(session, key, pkcs11js.CKA_EXTRACTABLE);
  const everOut =
    origin === 'generated' && readFlag(session, key, pkcs11js.CKA_NEVER_EXTRACTABLE) === false;
  if (sensitive === false || extractable !== false || everOut) {
    throw new TokenError('key-extractable', `${session.uri} does not keep the key to itself`, {
      hint: 'The token made an extractable key although asked not to; use another token.',
    });
  }
}

function readPublicKey(session: TokenSession, key: pkcs11js.Handle, type: KeyType): Buffer {
  const read = (attribute: number): Buffer => {
    const value = readAttribute(session, key, attribute);
    if (value === undefined) {
      throw new TokenError('bad-public-key', `${session.uri} does not tell the public key`);
    }
    return value;
  };
  if (rsaBits(type) === undefined) return ecPublicKey(type, read(pkcs11js.CKA_EC_POINT));
  return rsaPublicKey(read(pkcs11js.CKA_MODULUS), read(pkcs11js.CKA_PUBLIC_EXPONENT));
}

function parsePrivateKey(pkcs8: Buffer): KeyObject {
  try {
    return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  } catch (cause) {
    throw new TlspoolError('bad-private-key', 'the private key is not a PKCS #8 key in DER', {
      cause,
    });
  }
}
