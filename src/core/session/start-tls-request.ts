import { readDatagramHello, showsCookie } from '../dtls/client-hello.ts';
import type { PeerDemand, ShownHello, TlsRole } from '../engine/types.ts';
import { foldAscii } from '../identity/domain-name.ts';
import { type Donai, parseDonai } from '../identity/donai.ts';
import { DonaiError } from '../identity/donai-error.ts';
import { parseSelector, type Selector } from '../identity/selector.ts';
import { LONGEST_TIMER } from '../longest-timer.ts';
import { PoolError, PosixError } from '../protocol/errors.ts';
import {
  type ClaimedProcess,
  noOptions,
  readOptions,
  type StartTlsOptions,
} from '../protocol/extension.ts';
import { MalformedMessage } from '../protocol/fields.ts';
import { startTlsFlags, unknownFlags } from '../protocol/flags.ts';
import type { StartTls } from '../protocol/message.ts';

/** STARTTLS as it is meant, after everything was checked that can be by looking at it. */
export interface StartTlsRequest {
  readonly requestId: number;
  readonly role: TlsRole;
  /** DTLS over UDP instead of TLS over a stream. */
  readonly datagrams: boolean;
  /** Who we are, if the program says so. */
  readonly localId: Donai | undefined;
  /** Servers: whom the program's listener is meant for, in order of preference; empty: not said. */
  readonly localIds: readonly Selector[];
  /** Clients: whom we talk to. Servers: whom alone we talk to, if the program says so. */
  readonly remoteId: Donai | undefined;
  /** Whether the other side must, may or need not show who it is; servers only, as clients always insist. */
  readonly demand: PeerDemand;
  /** IANA name in lower case, as such names compare (RFC 6335 section 5.1); '': not said. */
  readonly service: string;
  readonly alpn: readonly string[];
  /** ms until the final response; 0: no limit. */
  readonly timeout: number;
  readonly clientAddress: string | undefined;
  /** For which process it is asked, if not for the one that asks. */
  readonly process: ClaimedProcess | undefined;
  /** It is resumed only from sessions of the same scope; undefined: from those without one. */
  readonly resumptionScope: string | undefined;
  /** Servers of DTLS: how a client has met the program already. */
  readonly hello: ShownHello | undefined;
  /** Whether the program uses our extension: it gets the session's details. */
  readonly extended: boolean;
  readonly withoutSni: boolean;
  readonly ignoreCaches: boolean;
  readonly domainRepresentsUser: boolean;
  readonly localIdCheck: boolean;
  /** Servers: an identity that is not there is made. */
  readonly onTheFly: boolean;
  readonly detach: boolean;
  readonly fork: boolean;
  /** It is about a session that runs already. */
  readonly renegotiate: boolean;
  /** As it came, to be echoed. */
  readonly message: StartTls;
}

export interface RequestLimits {
  /** ms; for a program that names none. */
  readonly handshakeTimeout: number;
}

const TCP = 6;
const UDP = 17;
/** Left empty by some: the descriptor says what it is. */
const UNSPECIFIED = 0;
const FOREVER = 0xffff_ffff;

/**
 * @param options lists of the extension; undefined: the program does not use it
 * @throws PoolError, PosixError, MalformedMessage: what the program is answered
 */
export function readStartTls(
  requestId: number,
  message: StartTls,
  options: readonly Buffer[] | undefined,
  limits: RequestLimits,
): StartTlsRequest {
  const has = (flag: number) => (message.flags & flag) !== 0;
  refuseUnknown(message);
  const datagrams = isOverDatagrams(message);
  const role = roleOf(message.flags);
  const extra: StartTlsOptions = options === undefined ? noOptions : readOptions(options);
  return {
    requestId,
    role,
    datagrams,
    localId: parseId('localid', message.localId),
    localIds: extra.localIds.map(parseListenerId),
    remoteId: remoteIdOf(role, message, has(startTlsFlags.renegotiate)),
    demand: demandOf(message.flags),
    service: foldAscii(message.service),
    alpn: extra.alpn,
    timeout: timeoutOf(message.timeout, limits),
    clientAddress: extra.clientAddress,
    process: extra.process,
    resumptionScope: extra.resumptionScope,
    hello: helloOf(extra.hello, datagrams && role === 'server'),
    extended: options !== undefined,
    withoutSni: has(startTlsFlags.withoutSni),
    ignoreCaches: has(startTlsFlags.ignoreCaches),
    domainRepresentsUser: has(startTlsFlags.domainRepresentsUser),
    localIdCheck: has(startTlsFlags.localIdCheck),
    onTheFly: onTheFlyFor(role, has(startTlsFlags.localIdOnTheFly)),
    detach: has(startTlsFlags.detach),
    fork: has(startTlsFlags.fork),
    renegotiate: has(startTlsFlags.renegotiate),
    message,
  };
}

function refuseUnknown({ flags }: StartTls): void {
  const unknown = unknownFlags(flags);
  if (unknown !== 0) {
    throw new PoolError('COMMAND_NOTIMPL', `flags 0x${unknown.toString(16)} mean nothing here`);
  }
}

/** The flag and the protocol must say the same. @throws PoolError COMMAND_NOTIMPL */
function isOverDatagrams({ flags, ipProtocol }: StartTls): boolean {
  const dtls = (flags & startTlsFlags.dtls) !== 0;
  if (ipProtocol === UNSPECIFIED || ipProtocol === (dtls ? UDP : TCP)) return dtls;
  const refusals = new Map([
    [TCP, 'TCP takes TLS, not DTLS: leave out the flag DTLS'],
    [UDP, 'UDP takes DTLS, not TLS: set the flag DTLS'],
  ]);
  const otherwise = `this pool does TLS over TCP and DTLS over UDP, not IP protocol ${ipProtocol}`;
  throw new PoolError('COMMAND_NOTIMPL', refusals.get(ipProtocol) ?? otherwise);
}

/** The role in which both sides may meet; if we may take either, we are the client. */
function roleOf(flags: number): TlsRole {
  const both = (one: number, other: number) => (flags & one) !== 0 && (flags & other) !== 0;
  if (both(startTlsFlags.localRoleClient, startTlsFlags.remoteRoleServer)) return 'client';
  if (both(startTlsFlags.localRoleServer, startTlsFlags.remoteRoleClient)) return 'server';
  throw new PoolError(
    'COMMAND_NOTIMPL',
    'the roles do not fit: one side must be able to be client, the other server',
  );
}

/** What is made on the fly is good for servers only. */
function onTheFlyFor(role: TlsRole, wanted: boolean): boolean {
  if (!wanted || role === 'server') return wanted;
  throw new PoolError('COMMAND_NOTIMPL', 'identities are made on the fly for servers only');
}

function remoteIdOf(role: TlsRole, { remoteId }: StartTls, known: boolean): Donai | undefined {
  if (role === 'client' && remoteId === '' && !known) {
    throw new PosixError('EINVAL', 'a client must say whom it talks to', 'Give a remoteid.');
  }
  return parseId('remoteid', remoteId);
}

function demandOf(flags: number): PeerDemand {
  if ((flags & startTlsFlags.ignoreRemoteId) !== 0) return 'ignore';
  return (flags & startTlsFlags.requestRemoteId) !== 0 ? 'request' : 'require';
}

function timeoutOf(timeout: number, limits: RequestLimits): number {
  if (timeout === 0) return limits.handshakeTimeout;
  return timeout === FOREVER ? 0 : Math.min(timeout, LONGEST_TIMER);
}

/** @param awaited whether the other side begins, and with datagrams */
function helloOf(datagram: Buffer | undefined, awaited: boolean): ShownHello | undefined {
  if (datagram === undefined) return undefined;
  if (!awaited) throw new PosixError('EINVAL', 'only servers of DTLS have met a client before');
  const hello = readDatagramHello(datagram);
  if (hello && showsCookie(hello)) return { datagram, cookie: hello.cookie };
  throw new MalformedMessage('the hello is no ClientHello of DTLS that shows a cookie');
}

function parseId(field: string, text: string): Donai | undefined {
  return text === '' ? undefined : parsed(field, () => parseDonai(text));
}

/** What listeners ask for with every connection, so that it is read once. */
const listenerIds = new Map<string, Selector>();
const MOST_KEPT = 1024;

function parseListenerId(text: string): Selector {
  const known = listenerIds.get(text);
  if (known !== undefined) return known;
  const selector = parsed('localid', () => parseSelector(text));
  if (listenerIds.size >= MOST_KEPT) listenerIds.clear();
  listenerIds.set(text, selector);
  return selector;
}

function parsed<Id>(field: string, parse: () => Id): Id {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof DonaiError)) throw error;
    throw new PosixError('EINVAL', `${field}: ${error.message}`);
  }
}
