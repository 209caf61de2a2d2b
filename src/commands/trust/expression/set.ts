import { Args, Flags } from '../../../core/cli/oclif.ts';
import { PoolCommand } from '../../../core/cli/pool-command.ts';
import { UsageError } from '../../../core/errors.ts';
import type { Store } from '../../../core/store/store.ts';
import type { Expression } from '../../../core/trust/expression.ts';

interface Change {
  readonly stateDir: string;
  readonly expression: string | undefined;
  /** Whom it concerns. */
  readonly for: string;
}

export default class TrustExpressionSet extends PoolCommand {
  static override summary = 'say what remotes must meet';

  static override description =
    'EXPRESSION is written postfix, a letter a predicate: `TI&r&` asks for a path to an anchor (T), for the right name (I), and that no known revocation list has it (r). tlspool(7) has all letters.\n\nThe policy is for all remotes of a role. An anchor and a local identity may ask for more: whatever applies must be met. Where neither the policy nor the local identity says anything, it is `TI&r&`. New handshakes see it at once, resumed sessions included.';

  static override examples = [
    {
      description: 'servers must not be revoked, by list or by OCSP, and somebody must know',
      command: "<%= config.bin %> <%= command.id %> 'TI&RO|&' --role server",
    },
    {
      description: 'remember the key of each server at first use, and take no other afterwards',
      command: "<%= config.bin %> <%= command.id %> 'TI&r&p&' --role server",
    },
    {
      description: 'one identity of ours talks post-quantum only',
      command: "<%= config.bin %> <%= command.id %> 'TI&r&Q&' --local-id www.example.com",
    },
    {
      description: 'the default again',
      command: '<%= config.bin %> <%= command.id %> --default',
    },
  ];

  static override args = {
    expression: Args.string({ ignoreStdin: true, description: 'such as TI&r&' }),
  };

  static override flags = {
    role: Flags.option({
      helpValue: 'server|client',
      options: ['server', 'client'] as const,
      description: 'remotes of this role in TLS only',
      exclusive: ['anchor', 'local-id'],
    })(),
    anchor: Flags.string({
      helpValue: 'FINGERPRINT',
      description: 'remotes for whom this CA vouches',
      exclusive: ['local-id'],
    }),
    'local-id': Flags.string({
      helpValue: 'ID',
      description: 'remotes to whom this identity of ours is shown',
    }),
    default: Flags.boolean({ description: 'what is set is not set any more' }),
  };

  async run(): Promise<Change> {
    const { args, flags } = await this.parse(TrustExpressionSet);
    const { stateDir } = this.paths(flags);
    if ((args.expression === undefined) === !flags.default) {
      throw new UsageError('say either EXPRESSION or --default');
    }
    const { openStore } = await import('../../../core/store/store.ts');
    const { parseExpression } = await import('../../../core/trust/expression.ts');
    const expression = args.expression === undefined ? undefined : parseExpression(args.expression);
    await using store = await openStore(stateDir, 'write');
    const whom = await set(store, expression, flags);
    const what = expression === undefined ? 'nothing of their own is asked for' : expression.text;
    this.log(`${whom}: ${what}`);
    return { stateDir, expression: expression?.text, for: whom };
  }
}

/** Whom it concerns, in words. */
async function set(
  store: Store,
  expression: Expression | undefined,
  flags: {
    readonly role?: 'server' | 'client' | undefined;
    readonly anchor?: string | undefined;
    readonly 'local-id'?: string | undefined;
  },
): Promise<string> {
  const { setAnchorExpression, setIdentityExpression } = await import(
    '../../../core/trust/wishes.ts'
  );
  if (flags.anchor !== undefined) {
    const { anchorFacts, requireAnchor } = await import('../../../core/trust/anchors.ts');
    const anchor = await requireAnchor(store.db, flags.anchor);
    await setAnchorExpression(store.db, anchor, expression);
    return `remotes for whom ${anchorFacts(anchor.certificate).subject} vouches`;
  }
  if (flags['local-id'] !== undefined) {
    const { parseLocalName } = await import('../../../core/identity/local-name.ts');
    await setIdentityExpression(store.db, parseLocalName(flags['local-id']), expression);
    return `remotes to whom ${flags['local-id']} is shown`;
  }
  const { setPolicy } = await import('../../../core/trust/policies.ts');
  const roles = flags.role === undefined ? (['server', 'client'] as const) : [flags.role];
  await store.transaction(async (transaction) => {
    for (const role of roles) await setPolicy(transaction, role, expression);
  });
  return `all remotes that are ${roles.map((role) => `${role}s`).join(' or ')}`;
}
