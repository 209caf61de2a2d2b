import { PoolCommand } from '../core/cli/pool-command.ts';
import type { PoolStatus } from '../core/server/administration.ts';

type Status = PoolStatus & { readonly version: string };

export default class StatusCommand extends PoolCommand {
  static override summary = 'show what the pool is doing';

  static override description =
    'Shows where the running pool keeps its things, its sessions, and the tokens that it uses with their state. Ends with 3 if no pool answers; only root and the user of the pool are told anything.';

  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run(): Promise<Status> {
    const { flags } = await this.parse(StatusCommand);
    const { socket } = this.paths(flags);
    const { status } = await import('../client/administration.ts');
    const answer: Status = { version: this.config.version, ...(await status({ socket })) };
    if (!this.jsonEnabled()) await this.#print(answer);
    return answer;
  }

  async #print(status: Status): Promise<void> {
    const { tableLines } = await import('../core/cli/table.ts');
    const { age } = await import('../core/cli/age.ts');
    const up = age(Date.now() - Date.parse(status.startedAt));
    this.log(`Pool:         tlspool ${status.version}, process ${status.pid}, up ${up}`);
    this.log(`Socket:       ${status.socket}`);
    this.log(`State folder: ${status.stateDir}`);
    this.log(`Programs:     ${status.connections} connected`);
    this.log(`Sessions:     ${status.sessions} now, ${status.sessionsTotal} since it started`);
    this.log(`Open files:   ${status.openFiles}`);
    if (status.tokens.length === 0) {
      this.log('Tokens:       none; make one with: tlspool init');
      return;
    }
    const rows = status.tokens.map((token) => ({
      token: token.label,
      state: token.state,
      pin: token.pinState ?? '',
      'log-in': token.loginFrom ?? 'by hand',
      error: token.lastError ?? '',
      uri: token.uri,
    }));
    const columns = ['token', 'state', 'pin', 'log-in', 'error', 'uri'] as const;
    this.log(`\n${tableLines(columns, rows).join('\n')}`);
  }
}
