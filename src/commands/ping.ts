import { PoolCommand } from '../core/cli/pool-command.ts';

interface Answer {
  readonly socket: string;
  readonly identity: string;
  readonly facilities: readonly string[];
  /** ms */
  readonly took: number;
}

export default class Ping extends PoolCommand {
  static override summary = 'ask the pool whether it is there';

  static override description =
    'Sends one PING of the socket protocol, and tells what the pool says of itself. Ends with 3 if no pool answers.';

  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run(): Promise<Answer> {
    const { flags } = await this.parse(Ping);
    const { socket } = this.paths(flags);
    const { connect } = await import('../client/connect.ts');
    const { facilities } = await import('../core/protocol/flags.ts');
    const pool = await connect({ socket });
    try {
      const start = performance.now();
      const { identity, facilities: bits } = await pool.ping();
      const took = performance.now() - start;
      const names = Object.entries(facilities)
        .filter(([, bit]) => (bits & bit) !== 0)
        .map(([name]) => name.toLowerCase());
      this.log(`${socket}: ${identity} offers ${names.join(', ') || 'nothing'}`);
      return { socket, identity, facilities: names, took: Math.round(took * 1_000) / 1_000 };
    } finally {
      pool.close();
    }
  }
}
