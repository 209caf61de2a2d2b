import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../../../../src/client/index.ts';
import { builtLauncher } from '../../../../../src/core/engine/launcher.ts';
import { closeFd } from '../../../../../src/core/engine/sockets.ts';
import { PoolLink } from '../../../../../src/core/tunnel/pool-link.ts';
import {
  type ClientRule,
  parseClientTls,
} from '../../../../../src/core/wrap/client/client-rules.ts';
import {
  type ClientSideOptions,
  openClientSide,
} from '../../../../../src/core/wrap/client/client-side.ts';
import { Departures } from '../../../../../src/core/wrap/client/departures.ts';
import { ProgramData } from '../../../../../src/core/wrap/data/program-data.ts';
import { portMeaning } from '../../../../../src/core/wrap/port-meaning.ts';
import { startSupervised } from '../../../../../src/core/wrap/supervisor/supervision.ts';
import { OwnCa } from '../../../../programs/stage/own-ca.ts';
import { Pool } from '../../../../programs/stage/pool.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  /** Messages about connections that came to nothing. */
  readonly lost: readonly string[];
}

/** A pool that trusts a CA of ours, and programs whose connections it secures. */
export class ClientStage implements AsyncDisposable {
  readonly ca = new OwnCa();
  readonly pool: Pool;
  readonly #link: PoolLink;
  readonly #departures: Departures | undefined;

  /** @param by who brings connections to the pool */
  static async start(by: 'thread' | 'process' = 'thread'): Promise<ClientStage> {
    const pool = await Pool.serving([]);
    const link = await PoolLink.open(() => connect({ socket: pool.socket }));
    const departures = by === 'thread' ? await Departures.open(link) : undefined;
    assert.equal(departures !== undefined, by === 'thread');
    const stage = new ClientStage(pool, link, departures);
    await pool.command('trust', 'add', stage.ca.file, '--role', 'server');
    return stage;
  }

  private constructor(pool: Pool, link: PoolLink, departures: Departures | undefined) {
    this.pool = pool;
    this.#departures = departures;
    this.#link = link;
  }

  /** Runs a program to its end. @param rules as `--client-tls` has them */
  async run(
    command: readonly string[],
    rules: readonly string[],
    options: Partial<ClientSideOptions> = {},
  ): Promise<Ran> {
    const lost: string[] = [];
    using side = await openClientSide({
      link: this.#link,
      departures: this.#departures,
      rules: rules.map(parseClientTls) as readonly ClientRule[],
      remoteId: undefined,
      portMeaning,
      data: new ProgramData(
        () => () => assert.fail('nobody listens'),
        () => undefined,
      ),
      service: undefined,
      handshakeTimeout: 30_000,
      lost: ({ message, hint }, which) =>
        lost.push(`${which}: ${hint === undefined ? message : `${message}. ${hint}`}`),
      ...options,
    });
    const folder = mkdtempSync(join(tmpdir(), 'tlspool-ran-'));
    const output = openSync(join(folder, 'stdout'), 'a+');
    try {
      const program = await startSupervised(
        { launcher: builtLauncher, command, environment: process.env, socket: output },
        {
          ...side.decisions,
          vacate: () => undefined,
          listen: () => ({ action: 'plain' }),
          listening: ({ fd }) => closeFd(fd),
          forgone: () => undefined,
          refused: ({ call, reason }) => lost.push(`${call}: ${reason}`),
          foreign: ({ executable }) => lost.push(`foreign: ${executable}`),
        },
        { names: side.names === 'forwarder' },
      );
      const code = await program.ended;
      await program.over;
      return { code, stdout: readFileSync(join(folder, 'stdout'), 'utf8'), lost };
    } finally {
      closeSync(output);
      rmSync(folder, { recursive: true });
    }
  }

  /** The same for Python 3, which has every socket call as the kernel does. */
  python(
    script: string,
    rules: readonly string[],
    options: Partial<ClientSideOptions> & { readonly within?: Within } = {},
  ): Promise<Ran> {
    const { within = (command) => command, ...rest } = options;
    return this.run(within(['/usr/bin/python3', '-c', script]), rules, rest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#departures?.[Symbol.dispose]();
    this.#link.close();
    this.ca[Symbol.dispose]();
    await this.pool[Symbol.asyncDispose]();
  }
}

type Within = (command: readonly string[]) => readonly string[];
