import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { name } from './clients.ts';
import { Pool } from './pool.ts';
import { run } from './running.ts';
import { type Served, wrappedWhole } from './wrapped.ts';

const folder = fileURLToPath(new URL('../listening/', import.meta.url));

/** Debian's own Python: a program like any other to wrap. */
const python = '/usr/bin/python3';

/** The programs of test/programs/listening, each of which listens in a way of its own. */
export class ListeningPrograms implements AsyncDisposable {
  readonly pool: Pool;

  /** @param config text of the daemon's tlspool.conf */
  static async create(config = ''): Promise<ListeningPrograms> {
    return new ListeningPrograms(await Pool.serving([[name]], config));
  }

  private constructor(pool: Pool) {
    this.pool = pool;
  }

  /** The command that runs a program of the folder, which is compiled if need be. */
  command(file: string): string[] {
    const [base = '', suffix] = file.split('.');
    const compiled = join(this.pool.folder, base);
    switch (suffix) {
      case 'c':
        build('gcc', ['-o', compiled, join(folder, file), '-lpthread']);
        return [compiled];
      case 'go':
        build('go', ['build', '-o', compiled, join(folder, file)], { CGO_ENABLED: '0' });
        return [compiled];
      case 'mjs':
        return [process.execPath, join(folder, file)];
      case 'java':
        mkdirSync(compiled);
        build('javac', ['-d', compiled, join(folder, file)]);
        return ['java', '-cp', compiled, base];
      default:
        return [python, '-B', join(folder, file)];
    }
  }

  /** Wrapped, and listening. */
  serve(file: string, ...flags: readonly string[]): Promise<Served> {
    return wrappedWhole(this.pool, flags, this.command(file));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool[Symbol.asyncDispose]();
  }
}

export function build(
  compiler: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): void {
  const env = { ...process.env, ...environment };
  const { status, stderr } = spawnSync(compiler, args, { encoding: 'utf8', env });
  if (status !== 0) throw new Error(`${compiler} ${args.join(' ')}: ${stderr}`);
}

/** What the program answers to one line over TLS; ends when it does. @param host numeric */
export async function say(
  { pool }: ListeningPrograms,
  port: number,
  line = 'hello',
  host = '127.0.0.1',
): Promise<string> {
  const verify = ['-CAfile', pool.caFile, '-verify_return_error', '-verify_hostname', name];
  const where = ['-connect', host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`];
  const args = ['s_client', ...where, '-servername', name, ...verify, '-quiet'];
  const { stdout, stderr } = await run('openssl', args, { input: `${line}\n` });
  if (stdout === '') throw new Error(`no answer: ${stderr}`);
  return stdout.trim();
}
