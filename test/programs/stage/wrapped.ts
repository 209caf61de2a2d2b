import type { Pool } from './pool.ts';
import type { Running } from './running.ts';

export interface Served {
  readonly running: Running;
  readonly port: number;
}

/** `tlspool wrap` on a free loopback port, ready to serve. */
export async function wrapped(
  pool: Pool,
  flags: readonly string[],
  command: readonly string[],
): Promise<Served> {
  const running = pool.start('wrap', '--listen', '127.0.0.1:0', ...flags, '--', ...command);
  return { running, port: await portOf(running) };
}

/** `tlspool tunnel` with the given flags but --accept, ready to carry. */
export async function tunnelled(pool: Pool, ...flags: readonly string[]): Promise<Served> {
  const running = pool.start('tunnel', '--accept', '127.0.0.1:0', ...flags);
  return { running, port: await portOf(running) };
}

/** The first loopback port in what the command says when it is ready. */
async function portOf(running: Running): Promise<number> {
  const [, port] = await running.saying(/tlspool (?:wrap|tunnel): .*?127\.0\.0\.1:(\d+)/);
  return Number(port);
}
