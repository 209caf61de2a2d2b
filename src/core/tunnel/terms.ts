import type { BlockList } from 'node:net';
import type { PeerDemand } from '../engine/types.ts';
import { UsageError } from '../errors.ts';
import { parseDonai } from '../identity/donai.ts';
import { parseSelector } from '../identity/selector.ts';
import type { ClaimedProcess } from '../protocol/extension.ts';
import { parseProxies } from '../starttls/prelude.ts';
import type { ProxyVersion } from '../starttls/proxy-protocol.ts';
import { agreeStartTls, type GivenStartTls, type StartTlsTerms } from '../starttls/terms.ts';
import { type Endpoint, isAddress } from './endpoint.ts';

/** On what terms the pool speaks TLS for a connection, apart from its sockets. */
export type Terms = ServerTerms | ClientTerms;

export interface ServerTerms {
  readonly role: 'server';
  /** The identities meant for the listener; SNI chooses among them. */
  readonly localIds: readonly string[];
  /** Servers behind us do not ask for a remote identity unless told to. */
  readonly remote: PeerDemand;
  readonly service: string | undefined;
  readonly alpn: readonly string[];
  /** What is said before TLS; undefined: nothing. */
  readonly startTls?: StartTlsTerms | undefined;
  /** The program that listens, if it is not this process: it is judged in its place. */
  readonly process?: ClaimedProcess | undefined;
  /** The program is told by a PROXY header who connects; undefined: it is not. */
  readonly proxyHeader?: ProxyVersion | undefined;
  /** Whose PROXY headers are believed; undefined: nobody's. */
  readonly proxies?: BlockList | undefined;
}

export interface ClientTerms {
  readonly role: 'client';
  /** What to show to a server that asks; undefined: nothing, or what disclosure says. */
  readonly localId: string | undefined;
  /** Whom the server must prove to be. */
  readonly remoteId: string;
  readonly service: string | undefined;
  readonly alpn: readonly string[];
  /** What is said before TLS; undefined: nothing. */
  readonly startTls?: StartTlsTerms | undefined;
}

/** The terms as flags or a file give them, before they are known to make sense together. */
export interface GivenTerms extends GivenStartTls {
  readonly proxyHeader?: ProxyVersion | undefined;
  /** Addresses and prefixes. */
  readonly proxies?: readonly string[] | undefined;
  readonly client: boolean;
  readonly localIds: readonly string[];
  readonly remoteId?: string | undefined;
  readonly requestRemoteId: boolean;
  readonly requireRemoteId: boolean;
  readonly service?: string | undefined;
  readonly alpn: readonly string[];
}

/** The flags of src/core/cli/tls-flags.ts. */
export interface TermFlags {
  readonly starttls?: string | undefined;
  readonly 'unsafe-tls-optional'?: boolean | undefined;
  readonly 'proxy-header'?: ProxyVersion | undefined;
  readonly 'proxy-from'?: readonly string[] | undefined;
  readonly 'local-id'?: readonly string[] | undefined;
  readonly service?: string | undefined;
  readonly alpn?: string | undefined;
  readonly 'request-remote-id': boolean;
  readonly 'require-remote-id': boolean;
}

/** What flags that `wrap` and `tunnel` have alike give. */
export function readTermFlags(flags: TermFlags): Omit<GivenTerms, 'client' | 'remoteId'> {
  return {
    localIds: flags['local-id'] ?? [],
    requestRemoteId: flags['request-remote-id'],
    requireRemoteId: flags['require-remote-id'],
    service: flags.service === undefined ? undefined : parseService(flags.service),
    alpn: flags.alpn === undefined ? [] : parseAlpn(flags.alpn),
    startTls: flags.starttls,
    tlsOptional: flags['unsafe-tls-optional'] ?? false,
    proxyHeader: flags['proxy-header'],
    proxies: flags['proxy-from'],
  };
}

/** `connect` is where the connections go to: a client's remote id defaults to the name in it. */
export function agreeTerms(given: GivenTerms, connect: Endpoint): Terms {
  if (given.client) {
    if (given.proxyHeader !== undefined || given.proxies?.length) {
      throw new UsageError('PROXY headers are for servers: leave out --proxy-header, --proxy-from');
    }
    const { service, alpn } = given;
    const startTls = agreeStartTls(given, 'client');
    return {
      role: 'client',
      localId: onlyLocalId(given),
      remoteId: remoteIdOf(given, connect),
      service,
      alpn,
      ...(startTls && { startTls }),
    };
  }
  if (given.remoteId !== undefined) {
    throw new UsageError(
      '--remote-id says whom a server must prove to be; it needs --client',
      'To ask clients who they are: --request-remote-id or --require-remote-id.',
    );
  }
  return agreeServerTerms(given);
}

/** @public */
export function agreeServerTerms(given: Omit<GivenTerms, 'client' | 'remoteId'>): ServerTerms {
  const { localIds, service, alpn } = given;
  for (const id of localIds) parseSelector(id);
  const remote = demandOf(given);
  const startTls = agreeStartTls(given, 'server');
  if (startTls?.optional && remote === 'require') {
    throw new UsageError(
      'who does not speak TLS cannot prove who it is: leave out one of --unsafe-tls-optional and --require-remote-id',
    );
  }
  const { proxyHeader } = given;
  const proxies = parseProxies(given.proxies ?? []);
  return {
    role: 'server',
    localIds,
    remote,
    service,
    alpn,
    ...(startTls && { startTls }),
    ...(proxyHeader && { proxyHeader }),
    ...(proxies && { proxies }),
  };
}

function demandOf(given: Pick<GivenTerms, 'requestRemoteId' | 'requireRemoteId'>): PeerDemand {
  if (given.requestRemoteId && given.requireRemoteId) {
    throw new UsageError('--request-remote-id and --require-remote-id exclude each other');
  }
  if (given.requireRemoteId) return 'require';
  return given.requestRemoteId ? 'request' : 'ignore';
}

/** A comma-separated list of ALPN protocol names (RFC 7301: 1 to 255 bytes each). */
export function parseAlpn(list: string): string[] {
  const protocols = list.split(',').map((name) => name.trim());
  for (const protocol of protocols) {
    const length = Buffer.byteLength(protocol);
    if (length === 0 || length > 255) {
      throw new UsageError(
        `expected ALPN protocols separated by commas, 1 to 255 bytes each, got \`${list}\``,
      );
    }
  }
  return protocols;
}

/** An IANA service name (RFC 6335 section 5.1), as long as the socket protocol carries. */
export function parseService(name: string): string {
  const wellFormed = /^(?=.{1,15}$)(?=.*[a-z])(?!-)(?!.*--)[a-z0-9-]+(?<!-)$/i;
  if (!wellFormed.test(name)) {
    throw new UsageError(
      `expected a service name of at most 15 letters, digits and hyphens, such as \`https\`, got \`${name}\``,
    );
  }
  return name;
}

function onlyLocalId(given: GivenTerms): string | undefined {
  if (given.requestRemoteId || given.requireRemoteId) {
    throw new UsageError(
      'a client always validates the server: --request-remote-id and --require-remote-id are for servers',
    );
  }
  if (given.localIds.length > 1) {
    throw new UsageError('a client shows at most one identity: give --local-id once');
  }
  const [only] = given.localIds;
  if (only !== undefined) parseDonai(only);
  return only;
}

function remoteIdOf(given: GivenTerms, connect: Endpoint): string {
  if (given.remoteId !== undefined) {
    parseDonai(given.remoteId);
    return given.remoteId;
  }
  const behindProxy = /=(?<host>[^=]*):\d+$/.exec(given.startTls ?? '')?.groups?.host;
  if (behindProxy && !isAddress(behindProxy)) return behindProxy;
  if (behindProxy === undefined && connect.kind === 'tcp' && !isAddress(connect.host))
    return connect.host;
  throw new UsageError(
    'an address or a path does not say whom the server must prove to be',
    'Name it: --remote-id example.com',
  );
}
