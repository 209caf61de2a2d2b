/** Finding a private key in a token by its URI. */
import pkcs11js from 'pkcs11js';
import { TokenError } from './failure.ts';
import { readAttribute, readFlag } from './objects.ts';
import { objectUri, type TokenSession } from './token-session.ts';
import { matchPkcs11Uri, parsePkcs11Uri, tokenPart } from './uri.ts';

/** A private key that was found in a token. */
export interface TokenKey {
  /** Canonical: token, id and label. */
  readonly uri: string;
  readonly handle: pkcs11js.Handle;
  readonly id: Buffer;
  readonly label: string;
  /** It wants the PIN before every signature. */
  readonly alwaysAuthenticate: boolean;
}

/**
 * The one private key that the URI names.
 * @throws TokenError `key-absent`, `key-ambiguous`; Pkcs11UriError
 */
export function findKey(session: TokenSession, uri: string): TokenKey {
  const wanted = parsePkcs11Uri(uri);
  if (wanted.type !== undefined && wanted.type !== 'private') {
    throw new TokenError('key-absent', `${uri} names a ${wanted.type}, not a private key`);
  }
  if (!matchPkcs11Uri(tokenPart(wanted), session.attributes)) {
    throw new TokenError('key-absent', `${uri} names a key in another token than ${session.uri}`);
  }
  const template: pkcs11js.Template = [
    { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_PRIVATE_KEY },
  ];
  if (wanted.id !== undefined) template.push({ type: pkcs11js.CKA_ID, value: wanted.id });
  if (wanted.object !== undefined) {
    template.push({ type: pkcs11js.CKA_LABEL, value: wanted.object });
  }
  const found = session.find(template);
  const [handle] = found;
  if (handle === undefined) {
    throw new TokenError('key-absent', `there is no private key ${uri}`, {
      hint: 'Was it removed? `pkcs11-tool --login --list-objects --type privkey` shows those there are.',
    });
  }
  if (found.length > 1) {
    throw new TokenError('key-ambiguous', `${found.length} private keys match ${uri}`, {
      hint: 'Name one by its id.',
    });
  }
  return describe(session, handle);
}

function describe(session: TokenSession, handle: pkcs11js.Handle): TokenKey {
  const id = readAttribute(session, handle, pkcs11js.CKA_ID) ?? Buffer.alloc(0);
  const label = (readAttribute(session, handle, pkcs11js.CKA_LABEL) ?? Buffer.alloc(0)).toString();
  return {
    uri: objectUri(session, { id, object: label, type: 'private' }),
    handle,
    id,
    label,
    alwaysAuthenticate: readFlag(session, handle, pkcs11js.CKA_ALWAYS_AUTHENTICATE) === true,
  };
}
