import { AuthzCommand } from '../../../core/cli/authz-command.ts';
import { Args } from '../../../core/cli/oclif.ts';

interface MemberListing {
  readonly group: string;
  readonly members: readonly string[];
  /** Why there may be more; null: that is all. */
  readonly gap: string | null;
}

export default class AuthzGroupMembers extends AuthzCommand {
  static override summary = 'list the members of a group';

  static override description =
    'One a line, in the form that `authz group import` reads. No daemon is needed.';

  static override examples = ['<%= config.bin %> <%= command.id %> list-members'];

  static override args = {
    group: Args.string({ required: true, ignoreStdin: true, description: 'its name' }),
  };

  async run(): Promise<MemberListing> {
    const { args, flags } = await this.parse(AuthzGroupMembers);
    const paths = this.paths(flags);
    const { openStore } = await import('../../../core/store/store.ts');
    const { loadPolicy } = await import('../../../core/authz/load-policy.ts');
    const { requireGroup } = await import('../../../core/authz/stored-groups.ts');
    const { formatWho } = await import('../../../core/authz/who.ts');
    await using store = await openStore(paths.stateDir, 'read');
    const { name } = await requireGroup(store.db, args.group.toLowerCase());
    const { known } = await loadPolicy(store.db, await this.choices(paths));
    const { members = [], gap } = known.get(name) ?? {};
    const listed = members.map(formatWho).sort();
    if (listed.length > 0) this.log(listed.join('\n'));
    if (gap !== undefined && !this.jsonEnabled()) this.warn(`there may be others: ${gap.text}`);
    return { group: name, members: listed, gap: gap?.text ?? null };
  }
}
