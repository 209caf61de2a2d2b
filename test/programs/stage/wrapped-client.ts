import { OtherUser } from './other-user.ts';
import { OwnCa } from './own-ca.ts';
import { freshAddress, OwnNames, record } from './own-names.ts';
import { Pool } from './pool.ts';
import { type Running, run, runTlspool, tlspoolCommand } from './running.ts';
import { TlsServer } from './tls-server.ts';

/** What a wrapped client printed, and how it ended. */
export interface ClientRun {
  readonly code: number;
  readonly stdout: string;
  /** The program's own and, beginning with `tlspool wrap:`, ours. */
  readonly stderr: string;
}

/**
 * Stock clients under `tlspool wrap`, a server that proves to be `www.example.com`, and DNS that leads there by that
 * name, which is right, and by `wrong.example.com`.
 */
export class WrappedClients implements AsyncDisposable {
  static readonly name = 'www.example.com';
  static readonly wrongName = 'wrong.example.com';

  readonly pool: Pool;
  readonly ca: OwnCa;
  /** Where servers are to listen: an address of loopback of this scenario's own. */
  readonly address: string;
  readonly #names: OwnNames;

  /** @param pool one that serves, taken over */
  static async start(pool?: Pool): Promise<WrappedClients> {
    return WrappedClients.#of(pool ?? (await Pool.serving([])));
  }

  static async #of(pool: Pool): Promise<WrappedClients> {
    const ca = new OwnCa();
    await pool.command('trust', 'add', ca.file, '--role', 'server');
    const address = freshAddress();
    const names = await OwnNames.start([
      record.cname(WrappedClients.name, 'node7.example.net'),
      record.a('node7.example.net', address),
      record.a(WrappedClients.wrongName, address),
    ]);
    return new WrappedClients(pool, ca, address, names);
  }

  private constructor(pool: Pool, ca: OwnCa, address: string, names: OwnNames) {
    this.pool = pool;
    this.ca = ca;
    this.address = address;
    this.#names = names;
  }

  /** A server with the right certificate. */
  serve(handle: Parameters<typeof TlsServer.start>[1]): Promise<TlsServer> {
    return TlsServer.start(this.ca.credential(WrappedClients.name), handle, {
      address: this.address,
    });
  }

  /** `tlspool wrap FLAGS -- COMMAND`, the command seeing the scenario's names. */
  async run(
    flags: readonly string[],
    command: readonly string[],
    input?: string,
  ): Promise<ClientRun> {
    const args = this.#wrap(flags, command);
    return runTlspool(args, { env: this.pool.environment, ...(input !== undefined && { input }) });
  }

  /** The same by another user, who has no rights. */
  runAs(user: OtherUser, flags: readonly string[], command: readonly string[]): Promise<ClientRun> {
    const wrap = tlspoolCommand('wrap', ...flags, '--', ...command);
    const [file = '', ...args] = this.#names.seenBy(OtherUser.become(wrap));
    return run(file, args, { env: user.environment, cwd: '/' });
  }

  /** The same, to go on beside the scenario. */
  start(flags: readonly string[], command: readonly string[]): Running {
    return this.pool.start(...this.#wrap(flags, command));
  }

  #wrap(flags: readonly string[], command: readonly string[]): string[] {
    return ['wrap', ...flags, '--', ...this.#names.seenBy(command)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#names[Symbol.asyncDispose]();
    this.ca[Symbol.dispose]();
    await this.pool[Symbol.asyncDispose]();
  }
}
