import { Flags } from '../../core/cli/oclif.ts';
import { RunningCommand } from '../../core/cli/running-command.ts';
import { untilInterrupted } from '../../core/cli/until-interrupted.ts';
import { UsageError } from '../../core/errors.ts';
import type { IdentityAsker } from '../../core/seats/choice-question.ts';

export default class IdentitiesSelect extends RunningCommand {
  static override summary = 'choose who we are when servers ask';

  static override description =
    `Runs until it is ended. Whenever a program's connection meets a server that asks who we are, it shows the program and the server, lets a person choose among the local identities, and offers to remember the choice: for that server alone or for others of its domain, too. What is remembered is disclosed from then on (\`<%= config.bin %> disclose list\`), but only if the handshake succeeds.

With --auto a file of rules chooses instead: a line each, \`SELECTOR LOCALID [remember]\` or \`SELECTOR nothing\`; the most specific selector counts, and without one nothing is shown. One program chooses at a time. Only root, the pool's user and members of seat_group may run it.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    {
      description: 'ask about everything, also where an identity is disclosed already',
      command: '<%= config.bin %> <%= command.id %> --ask all',
    },
    {
      description: 'rules for a machine: .example.com john@example.com remember',
      command: '<%= config.bin %> <%= command.id %> --auto /etc/tlspool/identities.rules',
    },
  ];

  static override flags = {
    ask: Flags.string({
      helpValue: 'new|general|all',
      options: ['new', 'general', 'all'],
      default: 'new',
      description:
        'when to ask: about remotes that nothing is disclosed to (new), also where an entry is about more than their domain or one above it (general), or always (all)',
    }),
    auto: Flags.string({ helpValue: 'FILE', description: 'rules that choose instead of a person' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(IdentitiesSelect);
    const { socket } = this.paths(flags);
    const { lidEntryFlags } = await import('../../core/protocol/lid-entry.ts');
    const { skipEntry, skipDomainSame, skipDomainOneUp, skipNotRoot } = lidEntryFlags;
    const silently = {
      new: skipEntry,
      general: skipEntry | skipDomainSame | skipDomainOneUp | skipNotRoot,
      all: 0,
    };
    const ask = await this.#asker(flags);
    const end = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => end.abort());
    }
    const { takeIdentitySeat } = await import('../../client/identity-seat.ts');
    const seat = await takeIdentitySeat({
      socket,
      silently: silently[flags.ask as keyof typeof silently],
      ask,
      signal: end.signal,
    });
    if (!end.signal.aborted) {
      process.stderr.write('tlspool identities select: ready; Ctrl-C ends this.\n');
    }
    await untilInterrupted(seat.ended);
  }

  async #asker(flags: { auto?: string | undefined; 'no-input'?: boolean }): Promise<IdentityAsker> {
    if (flags.auto !== undefined) {
      const { readChoiceRules, rulesAsker } = await import('../../core/seats/choice-rules.ts');
      return rulesAsker(readChoiceRules(flags.auto));
    }
    const prompts = this.prompts(flags);
    if (!prompts.mayAsk) {
      throw new UsageError('there is no terminal to ask at', 'Say --auto FILE.');
    }
    await prompts.prepare();
    const { identityAsker } = await import('../../core/cli/identity-asker.ts');
    return identityAsker(prompts);
  }
}
