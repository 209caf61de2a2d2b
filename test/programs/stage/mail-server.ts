import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../patience.ts';
import { name } from './clients.ts';
import { Pool } from './pool.ts';
import { Running, run, tlspoolCommand } from './running.ts';
import { TwoMachines } from './two-machines.ts';

/**
 * A mail server with plain listeners at ports 25 and 465, wrapped with no flag at all on a machine of its own, and what
 * comes into its maildir from another machine. Takes root.
 */
export class MailServer implements AsyncDisposable {
  readonly pool: Pool;
  readonly machines: TwoMachines;
  /** Where its maildir is: `maildir` in here. */
  readonly folder: string;
  readonly #parts: AsyncDisposableStack;
  #server: Running | undefined;

  /** @param mounts folders of its machine that are to be empty, and writable */
  static async create(mounts: readonly string[]): Promise<MailServer> {
    await using parts = new AsyncDisposableStack();
    const pool = parts.use(await Pool.serving([[name]]));
    const machines = parts.use(await TwoMachines.start(mounts));
    const folder = mkdtempSync(join(tmpdir(), 'tlspool-mail-'));
    parts.defer(() => rmSync(folder, { recursive: true, force: true }));
    // A user of its own delivers.
    chmodSync(folder, 0o777);
    return new MailServer(pool, machines, folder, parts.move());
  }

  private constructor(
    pool: Pool,
    machines: TwoMachines,
    folder: string,
    parts: AsyncDisposableStack,
  ) {
    this.pool = pool;
    this.machines = machines;
    this.folder = folder;
    this.#parts = parts;
  }

  /** What `wrap` and the server said. */
  get log(): string {
    return this.#server?.stderr ?? '';
  }

  /** A command line on its machine, to its end. */
  async prepare(script: string): Promise<void> {
    const [file = '', ...args] = this.machines.server(['sh', '-ec', script]);
    const { code, stdout, stderr } = await run(file, args);
    assert.equal(code, 0, stdout + stderr);
  }

  /** Runs it under `wrap` until both ports are served. */
  async serve(...command: readonly string[]): Promise<void> {
    const wrapped = tlspoolCommand('wrap', '--', ...command);
    const [file = '', ...args] = this.machines.server(wrapped);
    this.#server = this.#parts.use(new Running(file, args, { env: this.pool.environment }));
    await this.#server.saying(/(?:serving as[\s\S]*?){2}/);
  }

  /** By swaks, from the other machine. */
  send(subject: string, ...how: readonly string[]) {
    const [command = '', ...args] = this.machines.client([
      ...['swaks', '--server', TwoMachines.serverAddress, '--helo', 'client.example.com'],
      ...['--from', 'mary@example.com', '--to', 'mail@example.com'],
      ...['--h-Subject', subject, ...how],
    ]);
    return run(command, args);
  }

  /** For swaks, which compares no name. */
  get verified(): readonly string[] {
    return ['--tls-verify', '--tls-ca-path', this.pool.caFile];
  }

  /** The mail, once it has come. */
  async received(subject: string): Promise<string> {
    let mail: string | undefined;
    await until(`a mail about ${subject}`, () => {
      [mail] = this.mails(subject);
      return mail !== undefined;
    });
    return mail ?? '';
  }

  mails(subject: string): string[] {
    return this.#inbox().filter((mail) => mail.includes(`Subject: ${subject}\n`));
  }

  #inbox(): string[] {
    const inbox = join(this.folder, 'maildir/new');
    try {
      return readdirSync(inbox).map((file) => readFileSync(join(inbox, file), 'utf8'));
    } catch {
      return [];
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.disposeAsync();
  }
}
