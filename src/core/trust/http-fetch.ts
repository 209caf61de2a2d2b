/**
 * Fetching revocation lists and responses: plain HTTP as RFC 5280 and RFC 6960 have it, as what comes is signed. The
 * address comes out of a stranger's certificate: nothing on private networks is asked unless the operator listed it,
 * and neither time nor size is the stranger's choice.
 */
import { lookup as resolve } from 'node:dns/promises';
import { type IncomingMessage, request } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { printable } from '../identity/domain-name.ts';

export class FetchError extends Error {
  override readonly name = 'FetchError';
}

export interface FetchOrder {
  readonly url: string;
  /** POSTed, if there is one. */
  readonly body?: { readonly type: string; readonly content: Buffer } | undefined;
  /** Bytes. */
  readonly limit: number;
  /** ms, for everything. */
  readonly timeout: number;
  /** Private addresses and networks that may be asked all the same. */
  readonly allowed: readonly string[];
}

const MOST_REDIRECTS = 3;

/** @throws FetchError */
export async function fetchPlain(order: FetchOrder): Promise<Buffer> {
  const signal = AbortSignal.timeout(order.timeout);
  let url = parseUrl(order.url);
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects += 1) {
    const outcome = await once(url, order, signal);
    if (Buffer.isBuffer(outcome)) return outcome;
    url = outcome;
  }
  throw new FetchError(`${show(url)} leads from one address to the next`);
}

function parseUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (url === null) throw new FetchError(`${printable(text)} is not a URL`);
  if (url.protocol !== 'http:') {
    throw new FetchError(`${show(url)} is not fetched: only http is, as what comes is signed`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new FetchError(`${printable(url.host)} is not given a password`);
  }
  return url;
}

/** The body, or where else to look. */
async function once(url: URL, order: FetchOrder, signal: AbortSignal): Promise<Buffer | URL> {
  try {
    const address = await addressOf(url, order.allowed, signal);
    const response = await ask(url, address, order, signal);
    const { statusCode = 0, headers } = response;
    if (statusCode >= 300 && statusCode < 400 && headers.location && order.body === undefined) {
      response.destroy();
      return parseUrl(headers.location, url);
    }
    if (statusCode !== 200) {
      response.destroy();
      throw new FetchError(`${show(url)} answers with status ${statusCode}`);
    }
    return await read(response, url, order.limit);
  } catch (error) {
    if (error instanceof FetchError) throw error;
    if (signal.aborted) throw new FetchError(`${show(url)} did not answer in ${order.timeout} ms`);
    if (!(error instanceof Error)) throw error;
    throw new FetchError(`${show(url)} cannot be fetched: ${printable(error.message)}`, {
      cause: error,
    });
  }
}

function ask(
  url: URL,
  address: string,
  { body }: FetchOrder,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((done, failed) => {
    const asked = request({
      host: address,
      port: url.port === '' ? 80 : Number(url.port),
      path: `${url.pathname}${url.search}`,
      method: body === undefined ? 'GET' : 'POST',
      agent: false,
      signal,
      headers: {
        host: url.host,
        'user-agent': 'tlspool',
        ...(body && { 'content-type': body.type, 'content-length': body.content.length }),
      },
    });
    asked.on('response', done);
    asked.on('error', failed);
    asked.end(body?.content);
  });
}

async function read(response: IncomingMessage, url: URL, limit: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > limit) {
      response.destroy();
      throw new FetchError(`${show(url)} sends more than ${limit} bytes`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** The name is looked up once, and what was judged is what is connected to. */
async function addressOf(
  url: URL,
  allowed: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(host) === 0 ? await lookUp(host, signal) : [host];
  const usable = addresses.find((address) => !isPrivate(address) || isListed(address, allowed));
  if (usable !== undefined) return usable;
  throw new FetchError(
    `${show(url)} is not fetched: ${addresses.join(', ')} is private (fetch_from can list it)`,
  );
}

async function lookUp(host: string, signal: AbortSignal): Promise<string[]> {
  const found = resolve(host, { all: true });
  const cut = new Promise<never>((_done, failed) => {
    signal.addEventListener('abort', () => failed(new Error('too late')), { once: true });
  });
  cut.catch(() => {});
  return (await Promise.race([found, cut])).map(({ address }) => address);
}

/** RFC 6890 and its registries: what is not reachable over the Internet, or stands for another address. */
const privateNetworks = listOf([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '::/96',
  '::ffff:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
]);

function isPrivate(address: string): boolean {
  return privateNetworks.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

function isListed(address: string, allowed: readonly string[]): boolean {
  return allowed.length > 0 && listOf(allowed).check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/** Of addresses and `address/bits`; throws for others. */
export function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

function show(url: URL): string {
  return printable(url.href);
}
