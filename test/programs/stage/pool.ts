import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type IdentityOrder, makeState } from '../../made-state.ts';
import { type Running, runTlspool, tlspool } from './running.ts';

/** A state folder of its own with a token, a local CA and identities, and a daemon on it if asked for. */
export class Pool implements AsyncDisposable {
  readonly folder: string;
  readonly stateDir: string;
  readonly socket: string;
  /** The local CA's certificates, PEM. */
  readonly caFile: string;
  #daemon: Running | undefined;

  /** @param identities arguments of `identities create`, e.g. `['www.example.com', '--key', 'ec-p256']` */
  static async create(identities: readonly IdentityOrder[]): Promise<Pool> {
    const pool = new Pool();
    writeFileSync(pool.caFile, await makeState(pool.stateDir, identities));
    return pool;
  }

  /** The same, with a daemon. @param config text of its tlspool.conf */
  static async serving(identities: readonly IdentityOrder[], config = ''): Promise<Pool> {
    const pool = await Pool.create(identities);
    await pool.serve(config);
    return pool;
  }

  private constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'tlspool-scenario-'));
    this.stateDir = join(this.folder, 'state');
    this.socket = join(this.folder, 'pool.sock');
    this.caFile = join(this.folder, 'ca.pem');
    writeFileSync(join(this.folder, 'tlspool.conf'), '');
  }

  /** What makes every command meet this pool and no other. */
  get environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      TLSPOOL_SOCKET: this.socket,
      TLSPOOL_STATE_DIR: this.stateDir,
      TLSPOOL_CONFIG_FILE: join(this.folder, 'tlspool.conf'),
      XDG_RUNTIME_DIR: this.folder,
    };
  }

  get daemon(): Running {
    return this.#daemon ?? assert.fail('no daemon was started');
  }

  /** @param config text of its tlspool.conf; undefined: as it is */
  async serve(config?: string): Promise<void> {
    if (config !== undefined) writeFileSync(join(this.folder, 'tlspool.conf'), config);
    this.#daemon = this.start('serve');
    await this.#daemon.saying(/ready|listening|serving/i);
  }

  /** Ends the daemon as an operator would. */
  async stopServing(): Promise<void> {
    this.daemon.child.kill('SIGTERM');
    await this.daemon.ended;
    this.#daemon = undefined;
  }

  /** Runs a command to its end and gives what it printed. */
  async command(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await runTlspool(args, { env: this.environment });
    assert.equal(code, 0, `tlspool ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  start(...args: readonly string[]): Running {
    return tlspool(args, { env: this.environment });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon?.[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
