import type { Kysely } from 'kysely';
import type { GroupSource, LdapSource } from '../../../core/authz/group.ts';
import type { LdapMembers } from '../../../core/authz/ldap-group.ts';
import { AuthzCommand, type ChangeReport } from '../../../core/cli/authz-command.ts';
import { changeFlags } from '../../../core/cli/authz-flags.ts';
import { memberArguments } from '../../../core/cli/authz-members-command.ts';
import { Flags } from '../../../core/cli/oclif.ts';
import { UsageError } from '../../../core/errors.ts';
import type { Schema } from '../../../core/store/schema.ts';

interface CreatedGroup extends ChangeReport {
  readonly group: string;
  readonly source: string;
  readonly members: number;
}

export default class AuthzGroupCreate extends AuthzCommand {
  static override summary = 'make a group of remotes';

  static override description =
    'Members are DoNAIs, selectors such as @example.com, and other groups as group:NAME. They are kept in the store; in a FILE, one a line, which the daemon watches; or in a directory (LDAP), whose members have their DoNAI as `mail`.\n\nThe daemon asks a directory every --refresh and believes what it said for --stale. After that nobody is certain to be a member, or to be none: an `allow` for the group lets nobody in, a `deny` keeps everybody out.';

  static override examples = [
    {
      description: 'with its first members',
      command: '<%= config.bin %> <%= command.id %> list-members mary@example.com john@example.com',
    },
    {
      description: 'kept in a file that another program writes',
      command: '<%= config.bin %> <%= command.id %> staff --file /etc/tlspool/staff',
    },
    {
      description: 'kept in a directory',
      command:
        '<%= config.bin %> <%= command.id %> staff --ldap ldaps://ldap.example.com --ldap-group cn=staff,ou=groups,dc=example,dc=com',
    },
  ];

  static override strict = false;

  static override args = memberArguments;

  static override flags = {
    ldap: Flags.string({
      helpValue: 'URL',
      description: 'directory that has the group: ldaps://HOST',
      dependsOn: ['ldap-group'],
      exclusive: ['file'],
    }),
    'ldap-group': Flags.string({
      helpValue: 'DN',
      description: "the group's distinguished name there",
      dependsOn: ['ldap'],
    }),
    'ldap-bind-dn': Flags.string({
      helpValue: 'DN',
      description: 'whom to log in as; without it nobody',
      dependsOn: ['ldap', 'ldap-password-file'],
    }),
    'ldap-password-file': Flags.string({
      helpValue: 'PATH',
      description: 'file with the password, which its owner alone may read',
      dependsOn: ['ldap-bind-dn'],
    }),
    'ldap-ca-file': Flags.string({
      helpValue: 'PATH',
      description: "CAs of the directory, PEM; the system's without it",
      dependsOn: ['ldap'],
    }),
    'ldap-starttls': Flags.boolean({
      description: 'speak TLS on an ldap:// connection',
      dependsOn: ['ldap'],
    }),
    refresh: Flags.string({
      helpValue: 'TIME',
      description: 'between looks at the directory: 5 min',
      dependsOn: ['ldap'],
    }),
    stale: Flags.string({
      helpValue: 'TIME',
      description: 'how long its word is believed: 1 h',
      dependsOn: ['ldap'],
    }),
    file: Flags.string({
      helpValue: 'PATH',
      description: 'file that lists the members, one a line',
    }),
    ...changeFlags,
  };

  async run(): Promise<CreatedGroup> {
    const { argv, flags } = await this.parse(AuthzGroupCreate);
    const [given = '', ...words] = argv as string[];
    const { parseName } = await import('../../../core/authz/name.ts');
    const { createGroup } = await import('../../../core/authz/change-groups.ts');
    const { parseMember } = await import('../../../core/authz/who.ts');
    const group = parseName('group', given);
    const members = words.map(parseMember);
    const source = await sourceOf(flags);
    if (source.kind !== 'store' && members.length > 0) {
      throw new UsageError('the members are kept elsewhere', 'Add them there.');
    }
    const fetched = source.kind === 'ldap' ? await fetchMembers(source) : undefined;
    const author = this.author(flags.note);
    const { report } = await this.change(
      flags,
      async (db) => {
        await createGroup(db, { name: group, source, ...author }, members);
        if (fetched !== undefined) await keepFetched(db, group, fetched);
      },
      () => ({
        groups: members.flatMap((one) => (one.kind === 'group' ? [one.group] : [])),
        files: new Map(source.kind === 'file' ? [[group, source.path]] : []),
      }),
    );
    this.log(`Group ${group} ${flags['dry-run'] ? 'would be' : 'is'} there.`);
    if (fetched !== undefined) this.log(`The directory lists ${fetched.members.length} members.`);
    this.printReport(report);
    return {
      group,
      source: source.kind,
      members: fetched?.members.length ?? members.length,
      ...report,
    };
  }
}

interface SourceFlags {
  readonly file?: string | undefined;
  readonly ldap?: string | undefined;
  readonly 'ldap-group'?: string | undefined;
  readonly 'ldap-bind-dn'?: string | undefined;
  readonly 'ldap-password-file'?: string | undefined;
  readonly 'ldap-ca-file'?: string | undefined;
  readonly 'ldap-starttls': boolean;
  readonly refresh?: string | undefined;
  readonly stale?: string | undefined;
}

async function sourceOf(flags: SourceFlags): Promise<GroupSource> {
  const { requireAbsolute } = await import('../../../core/authz/group-file.ts');
  if (flags.file !== undefined) return { kind: 'file', path: requireAbsolute(flags.file) };
  if (flags.ldap === undefined) return { kind: 'store' };
  const { requireSafeUrl } = await import('../../../core/authz/ldap-group.ts');
  const { duration } = await import('../../../core/config/values.ts');
  const passwordFile = flags['ldap-password-file'];
  const caFile = flags['ldap-ca-file'];
  const startTls = flags['ldap-starttls'];
  return {
    kind: 'ldap',
    url: requireSafeUrl(flags.ldap, startTls),
    dn: flags['ldap-group'] ?? '',
    bindDn: flags['ldap-bind-dn'],
    passwordFile: passwordFile && requireAbsolute(passwordFile),
    caFile: caFile && requireAbsolute(caFile),
    startTls,
    refresh: Math.max(1, Math.ceil(duration(flags.refresh ?? '5 min') / 1_000)),
    stale: Math.max(1, Math.ceil(duration(flags.stale ?? '1 h') / 1_000)),
  };
}

/** A group that cannot be read is a mistake in the command, most likely. */
async function fetchMembers(source: LdapSource): Promise<LdapMembers> {
  const { fetchLdapGroup } = await import('../../../core/authz/ldap-group.ts');
  return fetchLdapGroup(source);
}

async function keepFetched(db: Kysely<Schema>, group: string, { members }: LdapMembers) {
  const { putFetched } = await import('../../../core/authz/stored-groups.ts');
  await putFetched(db, group, { at: Date.now(), members });
}
