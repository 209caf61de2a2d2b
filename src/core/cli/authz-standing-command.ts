import { AuthzCommand, type ChangeReport } from './authz-command.ts';
import { Args } from './oclif.ts';

export interface ChangedStanding extends ChangeReport {
  readonly local: string;
  readonly is: 'open' | 'closed';
}

export const localArgument = Args.string({
  required: true,
  ignoreStdin: true,
  description: 'local identity, or a selector of them such as .example.com',
});

/** A command that says of a local identity outright whether it is open. */
export abstract class AuthzStandingCommand extends AuthzCommand {
  protected async state(
    text: string,
    is: 'open' | 'closed',
    flags: Parameters<AuthzCommand['change']>[0] & { readonly note?: string | undefined },
  ): Promise<ChangedStanding> {
    const { putStanding } = await import('../authz/stored-rules.ts');
    const { parseRuleSelector } = await import('../authz/who.ts');
    const { formatSelector } = await import('../identity/selector.ts');
    const local = formatSelector(parseRuleSelector(text));
    const standing = { local, is, ...this.author(flags.note) };
    const { report } = await this.change(
      flags,
      (db) => putStanding(db, standing),
      () => ({ locals: [local] }),
    );
    this.log(
      is === 'open'
        ? `${local}: whoever is not denied gets in.`
        : `${local}: only those get in whom a rule allows.`,
    );
    this.printReport(report);
    return { local, is, ...report };
  }
}
