import { isIP } from 'node:net';
import { UsageError } from '../errors.ts';
import { foldAscii, printable } from '../identity/domain-name.ts';
import { listOf } from '../trust/http-fetch.ts';
import type { Level, RequiredExtension, ValidationSettings } from '../trust/validation-settings.ts';
import { ConfigError } from './conf-file.ts';
import type { Draft } from './settings.ts';
import { absolutePath, count, duration } from './values.ts';

/** Keys about who is believed. */
export const validationKeys: Readonly<Record<string, (value: string, draft: Draft) => void>> = {
  level_high: (value, draft) => amendLevel(draft, 'L', value),
  level_low: (value, draft) => amendLevel(draft, 'l', value),
  required_extensions: (value, draft) => amend(draft, { extensions: extensionsOf(value) }),
  fetch_from: (value, draft) => amend(draft, { fetchFrom: networks(value) }),
  fetch_timeout: (value, draft) => amend(draft, { fetchTimeout: someTime(value) }),
  ocsp_nonce: (value, draft) => amend(draft, { ocspNonce: nonce(value) }),
  first_use_lifetime: (value, draft) => amend(draft, { firstUseLifetime: duration(value) }),
  dns_resolver: (value, draft) =>
    amend(draft, { resolver: loopbackEndpoint(value, 'the resolver is', 53) }),
  ca_listen: (value, draft) => {
    draft.caListen = loopbackEndpoint(value, 'the local CA answers', 80);
  },
  ca_url: (value, draft) => {
    draft.caUrl = httpUrl(value);
  },
  directory: (value, draft) => amendDirectory(draft, { url: ldapsUrl(value) }),
  directory_base: (value, draft) => amendDirectory(draft, { base: value }),
  directory_ca: (value, draft) => amendDirectory(draft, { caFile: absolutePath(value) }),
};

function amend(draft: Draft, part: Partial<ValidationSettings>): void {
  draft.validation = { ...draft.validation, ...part };
}

function amendLevel(draft: Draft, letter: 'L' | 'l', value: string): void {
  amend(draft, { levels: { ...draft.validation.levels, [letter]: levelOf(value) } });
}

function amendDirectory(
  draft: Draft,
  part: Partial<NonNullable<ValidationSettings['directory']>>,
): void {
  const before = draft.validation.directory ?? { url: '', base: '', caFile: undefined };
  amend(draft, { directory: { ...before, ...part } });
}

/** `rsa 3072 ec 384 hash sha384,sha512 suite TLS_AES_256_GCM_SHA384` */
function levelOf(value: string): Level {
  const level: { -readonly [Name in keyof Level]: Level[Name] } = {};
  const words = value.split(/\s+/);
  for (let index = 0; index < words.length; index += 2) {
    const what = words[index];
    const wanted = words[index + 1];
    if (wanted === undefined) throw new ConfigError(`\`${what}\` of a level needs a value`);
    if (what === 'rsa') level.rsa = count(wanted);
    else if (what === 'ec') level.ec = count(wanted);
    else if (what === 'hash') level.hashes = wanted.split(',').map(hash);
    else if (what === 'suite') level.suites = wanted.split(',');
    else throw new ConfigError(`a level is made of rsa, ec, hash and suite, got \`${what}\``);
  }
  return level;
}

function hash(name: string): string {
  if (['sha256', 'sha384', 'sha512'].includes(name)) return name;
  throw new ConfigError(`a hash is sha256, sha384 or sha512, got \`${name}\``);
}

/** `smtp 1.2.3.4 critical:1.2.3.5; imap 1.2.3.4` */
function extensionsOf(value: string): ReadonlyMap<string, readonly RequiredExtension[]> {
  return new Map(
    value.split(';').map((part) => {
      const [service = '', ...oids] = part.trim().split(/\s+/);
      if (oids.length === 0) {
        throw new ConfigError(`the service \`${service}\` needs extensions, such as 1.2.3.4`);
      }
      return [foldAscii(service), oids.map(extensionOf)] as const;
    }),
  );
}

function extensionOf(text: string): RequiredExtension {
  const [, critical, oid] = /^(critical:)?([0-2](?:\.(?:0|[1-9]\d*))+)$/.exec(text) ?? [];
  if (oid !== undefined) return { oid, critical: critical !== undefined };
  throw new ConfigError(`an extension is 1.2.3.4 or critical:1.2.3.4, got \`${text}\``);
}

function networks(value: string): readonly string[] {
  const list = value.split(/[\s,]+/);
  for (const network of list) {
    try {
      if (isIP(network.split('/')[0] ?? '') === 0) throw new UsageError('no address');
      listOf([network]);
    } catch {
      throw new ConfigError(
        `an address or a network like 10.0.0.0/8 is needed, got \`${network}\``,
      );
    }
  }
  return list;
}

function someTime(value: string): number {
  const time = duration(value);
  if (time > 0) return time;
  throw new ConfigError('fetching needs some time');
}

function nonce(value: string): ValidationSettings['ocspNonce'] {
  if (value === 'no' || value === 'offer' || value === 'require') return value;
  throw new ConfigError(`no, offer or require is needed, got \`${value}\``);
}

const loopback = listOf(['127.0.0.0/8', '::1']);

/** `127.0.0.1`, `127.0.0.1:5353`, `::1`, `[::1]:5353` */
function loopbackEndpoint(
  value: string,
  what: string,
  usual: number,
): { address: string; port: number } {
  const [, bracketed, plain, digits] =
    /^(?:\[([^\]]+)\]|([^:]+|[^[]*:[^[]*:[^[]*))(?::(\d+))?$/.exec(value) ?? [];
  const address = bracketed ?? plain ?? '';
  const port = digits === undefined ? usual : Number(digits);
  const family = isIP(address);
  if (family === 0 || !loopback.check(address, family === 6 ? 'ipv6' : 'ipv4')) {
    throw new ConfigError(
      `${what} at an address on loopback, got \`${printable(value)}\``,
      'nothing on the way protects what is said',
    );
  }
  if (port < 1 || port > 65_535) throw new ConfigError(`there is no port ${port}`);
  return { address, port };
}

function httpUrl(value: string): string {
  if (URL.canParse(value) && new URL(value).protocol === 'http:') return value.replace(/\/+$/, '');
  throw new ConfigError(
    `http://HOST is needed, got \`${value}\``,
    'what is fetched there is signed, and TLS would go round in circles',
  );
}

function ldapsUrl(value: string): string {
  if (URL.canParse(value) && new URL(value).protocol === 'ldaps:') return value;
  throw new ConfigError(`a directory is ldaps://HOST, got \`${value}\``);
}
