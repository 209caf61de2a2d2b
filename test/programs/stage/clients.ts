import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { event, within } from '../../patience.ts';
import type { Pool } from './pool.ts';
import { run } from './running.ts';

export const name = 'www.example.com';

/** Fetches over HTTPS, verifying the certificate for `host` against the pool's CA. */
export function curl(pool: Pool, port: number, path: string, ...flags: readonly string[]) {
  return run('curl', [
    ...['--silent', '--show-error', '--max-time', '100', '--cacert', pool.caFile],
    ...['--resolve', `${name}:${port}:127.0.0.1`, ...flags, `https://${name}:${port}${path}`],
  ]);
}

/** Says `input` over TLS with OpenSSL's own client, verifying the certificate. */
export function openssl(pool: Pool, port: number, input: string, ...flags: readonly string[]) {
  const verify = ['-CAfile', pool.caFile, '-verify_return_error', '-verify_hostname', name];
  const args = ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', name, ...verify];
  return run('openssl', [...args, '-quiet', ...flags], { input });
}

/** Node's own TLS, as another implementation's client; half-open, verified. */
export async function connected(
  pool: Pool,
  port: number,
  options: ConnectionOptions = {},
): Promise<TLSSocket> {
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    servername: name,
    ca: readFileSync(pool.caFile),
    allowHalfOpen: true,
    ...options,
  } as ConnectionOptions);
  await event(socket, 'secureConnect');
  return socket;
}

/** When it is over, as a session of the pool's is that is ended: by a reset. */
export function cutOff(socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET') resolve();
    else reject(error);
  });
  socket.on('end', () => reject(new Error('it ended as if this were all')));
  return within('a reset', promise);
}

/** Everything until the other side ends its direction. The socket stays open for ours. */
export async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await event(socket, 'end');
  return text;
}
