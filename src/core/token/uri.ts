/**
 * `pkcs11:` URIs (RFC 7512): how keys and tokens are named everywhere, in the store, on the command line
 * and in listings. A parsed URI is a set of attributes; fewer attributes name more.
 *
 * Three things that RFC 7512 allows are refused, each with its reason: slots (their numbers change when a
 * token is pulled or initialised), where modules are and where PINs come from (only the configuration and
 * the store say so, never whoever hands us a URI; CVE-2023-38408), and PINs themselves.
 */
import { TlspoolError } from '../errors.ts';

export type ObjectType = 'private' | 'public' | 'cert' | 'secret-key' | 'data';

/** Attributes that are absent match anything; an empty one matches only the empty value. */
export interface Pkcs11Uri {
  readonly libraryManufacturer?: string;
  readonly libraryDescription?: string;
  /** `major.minor`. */
  readonly libraryVersion?: string;
  readonly model?: string;
  readonly manufacturer?: string;
  readonly serial?: string;
  /** The token's label. */
  readonly token?: string;
  /** CKA_ID. */
  readonly id?: Buffer;
  /** CKA_LABEL. */
  readonly object?: string;
  readonly type?: ObjectType;
}

export class Pkcs11UriError extends TlspoolError {
  constructor(message: string, hint?: string) {
    super('bad-pkcs11-uri', message, { hint, exit: 2 });
  }
}

/** In the order in which p11-kit and GnuTLS print them: our URIs read like everyone's. */
const attributes: ReadonlyMap<string, keyof Pkcs11Uri> = new Map<string, keyof Pkcs11Uri>([
  ['library-description', 'libraryDescription'],
  ['library-manufacturer', 'libraryManufacturer'],
  ['library-version', 'libraryVersion'],
  ['model', 'model'],
  ['manufacturer', 'manufacturer'],
  ['serial', 'serial'],
  ['token', 'token'],
  ['id', 'id'],
  ['object', 'object'],
  ['type', 'type'],
]);

const objectTypes: readonly string[] = ['private', 'public', 'cert', 'secret-key', 'data'];

const slotAttributes: readonly string[] = ['slot-id', 'slot-description', 'slot-manufacturer'];

const refusedQueries: ReadonlyMap<string, string> = new Map([
  [
    'pin-value',
    'a PIN never travels in a URI, a flag or a variable; keep it in a file of mode 0600',
  ],
  ['pin-source', 'where the PIN comes from is set for each token: see `tokens init --pin-source`'],
  ['module-path', 'modules are named in the configuration, never in a URI'],
  ['module-name', 'modules are named in the configuration, never in a URI'],
]);

/** @throws Pkcs11UriError for bad syntax (RFC 7512 section 2.3) and for what is refused. */
export function parsePkcs11Uri(text: string): Pkcs11Uri {
  if (!/^pkcs11:/i.test(text)) {
    throw new Pkcs11UriError('a PKCS #11 URI starts with `pkcs11:`', example);
  }
  const [path = '', ...query] = text.slice('pkcs11:'.length).split('?');
  refuseQuery(query.join('?'));

  const uri: { -readonly [Name in keyof Pkcs11Uri]: unknown } = {};
  for (const part of path === '' ? [] : path.split(';')) {
    const { name, value } = splitAttribute(part);
    const property = attributes.get(name);
    if (property === undefined) throw refusedAttribute(name);
    if (property in uri) throw new Pkcs11UriError(`attribute \`${name}\` is given twice`);
    uri[property] = decodeAttribute(name, value);
  }
  return uri as Pkcs11Uri;
}

const example = 'for example pkcs11:token=web;object=www.example.com;type=private';

/** The one spelling of a URI: attributes in a fixed order, all but unreserved characters encoded. */
export function formatPkcs11Uri(uri: Pkcs11Uri): string {
  const parts: string[] = [];
  for (const [name, property] of attributes) {
    const value = uri[property];
    if (value !== undefined) parts.push(`${name}=${encode(value)}`);
  }
  return `pkcs11:${parts.join(';')}`;
}

/** Whether `pattern` names `actual`: every attribute that it has is the same there. */
export function matchPkcs11Uri(pattern: Pkcs11Uri, actual: Pkcs11Uri): boolean {
  for (const property of attributes.values()) {
    const wanted = pattern[property];
    if (wanted === undefined) continue;
    const found = actual[property];
    if (Buffer.isBuffer(wanted)) {
      if (!Buffer.isBuffer(found) || !wanted.equals(found)) return false;
    } else if (wanted !== found) return false;
  }
  return true;
}

/** What of the URI names the token, without the object in it. */
export function tokenPart(uri: Pkcs11Uri): Pkcs11Uri {
  const { id: _id, object: _object, type: _type, ...token } = uri;
  return token;
}

function refuseQuery(query: string): void {
  if (query === '') return;
  for (const part of query.split('&')) {
    const name = part.split('=', 1)[0] ?? '';
    // Not the part itself: it may hold a PIN.
    const reason = refusedQueries.get(name.toLowerCase()) ?? 'it is not known';
    throw new Pkcs11UriError(`query attribute \`${printable(name)}\` is not accepted: ${reason}`);
  }
}

function refusedAttribute(name: string): Pkcs11UriError {
  if (slotAttributes.includes(name)) {
    return new Pkcs11UriError(
      `attribute \`${name}\` is not accepted: slots are never named, as their numbers change`,
      'name the token by its label or serial number; `tlspool tokens list` shows them',
    );
  }
  if (refusedQueries.has(name)) {
    return new Pkcs11UriError(`attribute \`${name}\` is not accepted: ${refusedQueries.get(name)}`);
  }
  return new Pkcs11UriError(
    `attribute \`${printable(name)}\` is not known`,
    `known are ${[...attributes.keys()].join(', ')}`,
  );
}

function splitAttribute(part: string): { name: string; value: string } {
  const at = part.indexOf('=');
  if (at < 1) {
    throw new Pkcs11UriError('each part of a PKCS #11 URI is `attribute=value`', example);
  }
  return { name: part.slice(0, at), value: part.slice(at + 1) };
}

function decodeAttribute(name: string, value: string): string | Buffer {
  const bytes = percentDecode(name, value);
  if (name === 'id') return bytes;

  const text = utf8(name, bytes);
  if (name === 'type' && !objectTypes.includes(text)) {
    throw new Pkcs11UriError(
      `attribute \`type\` must be one of ${objectTypes.join(', ')}, got \`${printable(text)}\``,
    );
  }
  if (name === 'library-version' && !/^\d{1,3}(\.\d{1,3})?$/.test(text)) {
    throw new Pkcs11UriError('attribute `library-version` must be like `2` or `2.6`');
  }
  return text;
}

/** pk11-pchar of RFC 7512 section 2.3: what may stand in a path unencoded. */
const plainCharacters = /^(?:[A-Za-z0-9\-._~:[\]@!$'()*+,=&]|%[0-9A-Fa-f]{2})*$/;

function percentDecode(name: string, value: string): Buffer {
  if (!plainCharacters.test(value)) {
    throw new Pkcs11UriError(
      `attribute \`${name}\` holds a character that must be percent-encoded, or a broken \`%\``,
      'a space is %20, a slash is %2F',
    );
  }
  return Buffer.from(
    value.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    ),
    'latin1',
  );
}

function utf8(name: string, bytes: Buffer): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new Pkcs11UriError(`attribute \`${name}\` is not UTF-8: ${(cause as Error).message}`);
  }
  if (text.includes('\0')) throw new Pkcs11UriError(`attribute \`${name}\` holds a NUL character`);
  return text;
}

/** Bytes (an id) wholly encoded, as RFC 7512 section 2.3 asks; text but for unreserved characters. */
function encode(value: string | Buffer): string {
  let encoded = '';
  for (const byte of Buffer.from(value as string)) {
    const character = String.fromCharCode(byte);
    const plain = typeof value === 'string' && /[A-Za-z0-9\-._~]/.test(character);
    encoded += plain ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/** Foreign text in a message: short, and nothing that moves a terminal's cursor. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 40);
}
