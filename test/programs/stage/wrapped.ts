import type { Pool } from './pool.ts';
import type { Running } from './running.ts';

/** A wrap or tunnel that is ready, and the loopback port to meet it at. */
export class Served implements AsyncDisposable {
  readonly running: Running;
  readonly port: number;

  constructor(running: Running, port: number) {
    this.running = running;
    this.port = port;
  }

  /** Ends it as an operator would; its exit code. */
  stop(): Promise<number> {
    this.running.child.kill('SIGTERM');
    return this.running.ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.running[Symbol.asyncDispose]();
  }
}

/** `tlspool wrap` on a free loopback port, ready to serve. */
export async function wrapped(
  pool: Pool,
  flags: readonly string[],
  command: readonly string[],
): Promise<Served> {
  const running = pool.start('wrap', '--listen', '127.0.0.1:0', ...flags, '--', ...command);
  return new Served(running, await portOf(running));
}

/** `tlspool wrap` of a program that opens its own port, transparently; ready when the program listens. */
export async function wrappedWhole(
  pool: Pool,
  flags: readonly string[],
  command: readonly string[],
): Promise<Served> {
  const running = pool.start('wrap', ...flags, '--', ...command);
  const [, port] = await running.saying(/tlspool wrap: \S+:(\d+): (?:TLS|STARTTLS)/);
  return new Served(running, Number(port));
}

/** `tlspool tunnel` with the given flags but --accept, ready to carry. */
export async function tunnelled(pool: Pool, ...flags: readonly string[]): Promise<Served> {
  const running = pool.start('tunnel', '--accept', '127.0.0.1:0', ...flags);
  return new Served(running, await portOf(running));
}

/** The first loopback port in what the command says when it is ready. */
async function portOf(running: Running): Promise<number> {
  const [, port] = await running.saying(/tlspool (?:wrap|tunnel): .*?127\.0\.0\.1:(\d+)/);
  return Number(port);
}
