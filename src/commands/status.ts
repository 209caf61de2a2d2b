import { Flags } from '../core/cli/oclif.ts';
import { PoolCommand } from '../core/cli/pool-command.ts';
import type { Concern } from '../core/concerns/concern.ts';
import type { PoolStatus } from '../core/server/administration-messages.ts';
import type { TokenStatus } from '../core/token/token-status.ts';

export default class StatusCommand extends PoolCommand {
  static override summary = 'show what the pool is doing, and what needs attention';

  static override description =
    `Shows where the running pool keeps its things, its sessions, and the tokens that it uses with their state; then what an operator should look at: certificates, CAs and revocation lists that end soon or have ended, tokens that want something, groups whose members are not known, and a daemon that is older than what is installed. Certificates are to be renewed in their last 30 days, or in the last third of their time if that is shorter.

Ends with 3 if no pool answers, and with --check with 1 if something needs attention. Only root and the user of the pool are told anything.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    {
      description: 'for a monitor: 0 is well, 1 needs attention, 3 does not run',
      command: '<%= config.bin %> <%= command.id %> --check',
    },
    {
      description: 'the same by a program of yours',
      command: "<%= config.bin %> <%= command.id %> --json | jq -r '.concerns[].message'",
    },
  ];

  static override flags = {
    check: Flags.boolean({
      description: 'print only what needs attention, and end with 1 if something does',
    }),
  };

  async run(): Promise<PoolStatus> {
    const { flags } = await this.parse(StatusCommand);
    const { socket } = this.paths(flags);
    const { status } = await import('../client/administration.ts');
    const answer = await status({ socket });
    const concerns = [...answer.concerns, ...ageConcern(answer.version, this.config.version)];
    if (!this.jsonEnabled()) {
      if (flags.check !== true) await this.#print(answer);
      this.#printConcerns(concerns, flags.check === true);
    }
    if (flags.check === true && concerns.length > 0) process.exitCode = 1;
    return { ...answer, concerns };
  }

  async #print(status: PoolStatus): Promise<void> {
    const { age } = await import('../core/cli/age.ts');
    const up = age(Date.now() - Date.parse(status.startedAt));
    this.log(`Pool:         tlspool ${status.version}, process ${status.pid}, up ${up}`);
    this.log(`Socket:       ${status.socket}`);
    this.log(`State folder: ${status.stateDir}`);
    this.log(`Programs:     ${status.connections} connected`);
    this.log(`Sessions:     ${status.sessions} now, ${status.sessionsTotal} since it started`);
    this.log(`Open files:   ${status.openFiles}`);
    if (status.tokens.length === 0) this.log('Tokens:       none; make one with: tlspool init');
    else await this.#printTokens(status.tokens);
  }

  async #printTokens(tokens: readonly TokenStatus[]): Promise<void> {
    const { tableLines } = await import('../core/cli/table.ts');
    const { stateWords } = await import('../core/token/token-status.ts');
    const rows = tokens.map((token) => ({
      token: token.label,
      state: stateWords(token),
      pin: token.pinState ?? '',
      'log-in': token.loginFrom ?? 'by hand',
      error: token.lastError ?? '',
      uri: token.uri,
    }));
    const columns = ['token', 'state', 'pin', 'log-in', 'error', 'uri'] as const;
    this.log(`\n${tableLines(columns, rows).join('\n')}`);
  }

  #printConcerns(concerns: readonly Concern[], alone: boolean): void {
    if (concerns.length === 0) {
      if (alone) this.log('Nothing needs attention.');
      return;
    }
    if (!alone) this.log('\nNeeds attention:');
    for (const { message, hint } of concerns) {
      this.log(`- ${message}`);
      if (hint !== null) this.log(`  ${hint}`);
    }
  }
}

/** What was installed takes effect with the next start. */
function ageConcern(running: string, installed: string): Concern[] {
  if (running === installed) return [];
  const message = `the daemon is tlspool ${running}, and ${installed} is installed`;
  return [
    { code: 'old-version', about: running, message, hint: 'Start it anew when it suits you.' },
  ];
}
