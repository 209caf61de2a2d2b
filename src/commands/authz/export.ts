import { AuthzCommand } from '../../core/cli/authz-command.ts';

export default class AuthzExport extends AuthzCommand {
  static override summary = 'print all rules and groups as one text';

  static override description =
    'The text is what `tlspool authz import` reads. It has the same order whatever was made first, so that it can be kept under version control and reviewed as a difference. It says no author and no time: those stay in the store.';

  static override examples = ['<%= config.bin %> <%= command.id %> > policy.authz'];

  async run(): Promise<{ readonly policy: string }> {
    const { flags } = await this.parse(AuthzExport);
    const { openStore } = await import('../../core/store/store.ts');
    const { readPolicy } = await import('../../core/authz/import-policy.ts');
    const { formatPolicy } = await import('../../core/authz/policy-file.ts');
    await using store = await openStore(this.paths(flags).stateDir, 'read');
    const policy = formatPolicy(await readPolicy(store.db));
    this.log(policy.trimEnd());
    return { policy };
  }
}
