import { readFile, stat } from 'node:fs/promises';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Client } from 'ldapts';

/** How a directory is reached, and as whom. */
export interface DirectoryAccess {
  /** `ldaps://HOST`; `ldap://` is for loopback and for StartTLS. */
  readonly url: string;
  /** PEM; undefined: the CAs of the system. */
  readonly caFile: string | undefined;
  readonly startTls: boolean;
  /** undefined: nobody. */
  readonly bindDn: string | undefined;
  /** Absolute path of the file that has the password. */
  readonly passwordFile: string | undefined;
}

/** ms for one answer of the directory. */
const PATIENCE = 5_000;

const HUNG_UP = 'the directory hung up';

/** Seconds for which a directory should search, at most. */
export const SEARCH_TIME = PATIENCE / 1_000;

/**
 * Does something with one connection to a directory, which is gone afterwards. It is never made anew: what the client
 * library would reconnect to has no StartTLS and nobody bound to it.
 * @throws whatever went wrong: the directory's answer, a time-out, the signal's reason
 */
export async function withDirectory<Value>(
  access: DirectoryAccess,
  signal: AbortSignal,
  use: (client: Client) => Promise<Value>,
): Promise<Value> {
  signal.throwIfAborted();
  const sockets: Socket[] = [];
  const { promise: over, reject } = Promise.withResolvers<never>();
  over.catch(() => undefined);
  const stop = () => {
    reject(signal.reason);
    for (const socket of sockets) socket.destroy();
  };
  signal.addEventListener('abort', stop);
  const opened = (socket: Socket) => {
    sockets.push(socket);
    // The library does not see a connection end that it secured itself. What it does see, it may tell first.
    socket.once('close', () => setImmediate(reject, new Error(HUNG_UP)));
  };
  try {
    return await Promise.race([connectAndUse(access, opened, use), over]);
  } finally {
    signal.removeEventListener('abort', stop);
    for (const socket of sockets) socket.destroy();
  }
}

async function connectAndUse<Value>(
  { url, caFile, startTls, bindDn, passwordFile }: DirectoryAccess,
  opened: (socket: Socket) => void,
  use: (client: Client) => Promise<Value>,
): Promise<Value> {
  const { Client } = await import('ldapts');
  const host = new URL(url).hostname.replace(/^\[(.*)\]$/, '$1');
  const port = Number(new URL(url).port) || (url.startsWith('ldaps:') ? 636 : 389);
  const ca = caFile === undefined ? undefined : await readFile(caFile);
  const name = isIP(host) === 0 ? { servername: host } : {};
  // The host is what the certificate must be for, also where the library gives a socket only.
  const tls = { host, minVersion: 'TLSv1.2' as const, ...name, ...(ca && { ca }) };
  let connected = false;
  const once = <Kind extends Socket>(connect: () => Kind): Kind => {
    if (connected) throw new Error(HUNG_UP);
    connected = true;
    const socket = connect();
    opened(socket);
    return socket;
  };
  const limits = { url, timeout: PATIENCE, connectTimeout: PATIENCE };
  const createConnection = () => once(() => connectPlain({ host, port }));
  const createSecureConnection = () => once(() => connectTls({ ...tls, port }));
  const client = new Client(
    // With StartTLS the library makes the second one of the first by itself.
    url.startsWith('ldaps:')
      ? { ...limits, tlsOptions: tls, createSecureConnection }
      : { ...limits, createConnection },
  );
  try {
    if (startTls) await client.startTLS(tls);
    if (bindDn !== undefined) await client.bind(bindDn, await readPassword(passwordFile));
    return await use(client);
  } finally {
    await client.unbind().catch(() => undefined);
  }
}

async function readPassword(path: string | undefined): Promise<string> {
  if (path === undefined) return '';
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) throw new Error(`other users can read ${path}: chmod go= ${path}`);
  const password = (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
  // Without one a directory takes whoever binds for nobody (RFC 4513 section 5.1.2), and shows less.
  if (password === '') throw new Error(`there is no password in ${path}`);
  return password;
}
