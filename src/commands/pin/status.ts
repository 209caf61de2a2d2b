import { PoolCommand } from '../../core/cli/pool-command.ts';
import { harmless } from '../../core/seats/harmless.ts';
import type { PinStatus } from '../../core/server/administration-messages.ts';
import type { TokenStatus } from '../../core/token/token-status.ts';

type Status = PinStatus & { readonly tokens: readonly TokenStatus[] };

export default class PinStatusCommand extends PoolCommand {
  static override summary = 'show which tokens wait for their PIN, and who asks for it';

  static override description =
    'Shows the tokens that the pool uses, where each logs in from, what waits for which of them, and the program that asks people. Ends with 1 if something waits and nobody asks.';

  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run(): Promise<Status> {
    const { flags } = await this.parse(PinStatusCommand);
    const { socket } = this.paths(flags);
    const { pins, status } = await import('../../client/administration.ts');
    const seat = await pins({ socket });
    const { tokens } = await status({ socket });
    const answer = { ...seat, tokens };
    if (!this.jsonEnabled()) await this.#print(answer);
    if (seat.needed.length > 0 && seat.holder === null) process.exitCode = 1;
    return answer;
  }

  async #print({ holder, needed, tokens }: Status): Promise<void> {
    const { tableLines } = await import('../../core/cli/table.ts');
    const { stateWords } = await import('../../core/token/token-status.ts');
    const asks =
      holder === null
        ? 'nobody; run: tlspool pin'
        : `${harmless(holder.executable) || 'process'}[${holder.pid}] of user ${holder.user}`;
    this.log(`Who asks for PINs: ${asks}`);
    const waiting = (token: TokenStatus) =>
      needed.find(({ token: { uri } }) => uri === token.uri)?.waiting.length;
    const rows = tokens.map((token) => ({
      token: token.label,
      state: stateWords(token),
      pin: token.pinState ?? '',
      'log-in': token.loginFrom ?? 'people are asked',
      waiting: waiting(token) === undefined ? '–' : String(waiting(token)),
    }));
    const columns = ['token', 'state', 'pin', 'log-in', 'waiting'] as const;
    if (rows.length > 0) this.log(`\n${tableLines(columns, rows).join('\n')}`);
    const { explain } = await import('../../core/seats/pin-question.ts');
    for (const request of needed) {
      this.log(`\n${explain({ ...request, prompt: '' }).join('\n')}`);
    }
  }
}
