import { PoolCommand } from '../../../core/cli/pool-command.ts';

interface Expressions {
  readonly stateDir: string;
  /** Of what is not set, the default. */
  readonly server: string;
  readonly client: string;
  readonly anchors: readonly { fingerprint: string; subject: string; expression: string }[];
  readonly identities: readonly { id: string; expression: string }[];
}

export default class TrustExpressionShow extends PoolCommand {
  static override summary = 'show what remotes must meet';

  static override description =
    'The policy for servers and for clients, then what single CAs and local identities ask for on top.';

  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run(): Promise<Expressions> {
    const { flags } = await this.parse(TrustExpressionShow);
    const { stateDir } = this.paths(flags);
    const { openStore } = await import('../../../core/store/store.ts');
    const { anchorFacts, listAnchors } = await import('../../../core/trust/anchors.ts');
    const { DEFAULT_EXPRESSION } = await import('../../../core/trust/expression.ts');
    const { readPolicies } = await import('../../../core/trust/policies.ts');
    const { identityExpressions } = await import('../../../core/trust/wishes.ts');
    await using store = await openStore(stateDir, 'read');
    const policies = await readPolicies(store.db);
    const shown = {
      stateDir,
      server: (policies.server ?? DEFAULT_EXPRESSION).text,
      client: (policies.client ?? DEFAULT_EXPRESSION).text,
      anchors: (await listAnchors(store.db)).flatMap(({ validation, certificate }) => {
        if (validation === undefined) return [];
        const { fingerprint, subject } = anchorFacts(certificate);
        return [{ fingerprint, subject, expression: validation.text }];
      }),
      identities: await identityExpressions(store.db),
    };
    const unset = (set: unknown) => (set === undefined ? ' (default)' : '');
    this.log(`Servers: ${shown.server}${unset(policies.server)}`);
    this.log(`Clients: ${shown.client}${unset(policies.client)}`);
    for (const { subject, expression } of shown.anchors) this.log(`Of ${subject}: ${expression}`);
    for (const { id, expression } of shown.identities) this.log(`To ${id}: ${expression}`);
    return shown;
  }
}
