import { AuthzCommand } from '../../../core/cli/authz-command.ts';

interface GroupListing {
  readonly stateDir: string;
  readonly groups: readonly {
    readonly group: string;
    readonly source: string;
    /** Where the members come from; '' for the store. */
    readonly from: string;
    readonly members: number;
    /** Why there may be more; null: that is all. */
    readonly gap: string | null;
    readonly note: string;
    readonly madeBy: string;
    readonly madeAt: string;
  }[];
}

export default class AuthzGroupList extends AuthzCommand {
  static override summary = 'list the groups of remotes';

  static override description =
    'Shows each group, where its members are kept and how many they are. No daemon is needed.';

  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run(): Promise<GroupListing> {
    const { flags } = await this.parse(AuthzGroupList);
    const paths = this.paths(flags);
    const { openStore } = await import('../../../core/store/store.ts');
    const { loadPolicy } = await import('../../../core/authz/load-policy.ts');
    const { describeSource } = await import('../../../core/authz/group.ts');
    await using store = await openStore(paths.stateDir, 'read');
    const { groups, known } = await loadPolicy(store.db, await this.choices(paths));
    const listing = {
      stateDir: paths.stateDir,
      groups: groups.map(({ name, source, note, madeBy, madeAt }) => {
        const { members = [], gap } = known.get(name) ?? {};
        return {
          group: name,
          source: source.kind,
          from: describeSource(source),
          members: members.length,
          gap: gap?.text ?? null,
          note,
          madeBy,
          madeAt,
        };
      }),
    };
    if (!this.jsonEnabled()) await this.#print(listing);
    return listing;
  }

  async #print({ groups }: GroupListing): Promise<void> {
    const { tableLines } = await import('../../../core/cli/table.ts');
    const rows = groups.map(({ group, source, from, members, gap, note }) => ({
      group,
      members: gap === null ? String(members) : `${members}?`,
      source: from === '' ? source : from,
      note: gap ?? note,
    }));
    const lines = tableLines(['group', 'members', 'source', 'note'], rows);
    this.log(
      lines.length > 0 ? lines.join('\n') : 'No groups. Make one: tlspool authz group create NAME',
    );
  }
}
