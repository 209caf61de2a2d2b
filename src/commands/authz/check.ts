import type { CheckedProgram } from '../../core/authz/explain-program.ts';
import type { Explanation } from '../../core/authz/explanation.ts';
import type { LoadedPolicy } from '../../core/authz/load-policy.ts';
import type { Remote } from '../../core/authz/question.ts';
import { AuthzCommand } from '../../core/cli/authz-command.ts';
import { Args, Flags } from '../../core/cli/oclif.ts';
import { UsageError } from '../../core/errors.ts';

interface Checked {
  readonly allowed: boolean;
  readonly remote: Explanation | null;
  readonly program: CheckedProgram | null;
  /** What is named and is not there. */
  readonly doubts: readonly string[];
}

export default class AuthzCheck extends AuthzCommand {
  static override summary = 'say whether a remote, or a local program, would be allowed';

  /** 1 is an answer. */
  static override failureExit = 2;

  static override description =
    'Decides as the daemon would now, by the same rules and groups, and says which rule decides and through which groups. With --uid it is asked whether a program of that user may act as the local identity; with both, both must be allowed. No daemon is needed; exit code 0 is allowed, 1 denied, 2 undecidable.\n\nWHO is taken to be proven by a certificate that a CA vouches for, unless --validated says otherwise.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> mary@example.com --to lists.example.org --service smtp',
    {
      description: 'all that was considered',
      command:
        '<%= config.bin %> <%= command.id %> anonymous --to lists.example.org --service smtp --explain',
    },
    {
      description: 'a local program',
      command:
        '<%= config.bin %> <%= command.id %> --to www.example.com --uid 33 --program /usr/sbin/nginx',
    },
  ];

  static override args = {
    who: Args.string({
      ignoreStdin: true,
      description: 'a remote: john@example.com, host.example.com, or anonymous',
    }),
  };

  static override flags = {
    to: Flags.string({ required: true, helpValue: 'LOCALID', description: 'local identity' }),
    service: Flags.string({ helpValue: 'NAME', description: 'service, such as smtp' }),
    address: Flags.string({ helpValue: 'ADDRESS', description: "the client's address" }),
    validated: Flags.string({
      helpValue: 'LETTERS',
      default: 'TI',
      description: 'predicates of the validation expression that held',
    }),
    at: Flags.string({ helpValue: 'TIME', description: 'at another time (ISO 8601)' }),
    uid: Flags.string({ helpValue: 'USER', description: 'user of a local program' }),
    program: Flags.string({ helpValue: 'PATH', description: 'its executable' }),
    role: Flags.string({
      helpValue: 'client|server',
      options: ['client', 'server'],
      default: 'server',
      description: 'its role',
    }),
    explain: Flags.boolean({ description: 'show every rule that was considered' }),
    strict: Flags.boolean({
      description: 'fail if the local identity or the service is not there',
    }),
  };

  async run(): Promise<Checked> {
    const { args, flags } = await this.parse(AuthzCheck);
    if (args.who === undefined && flags.uid === undefined) {
      throw new UsageError('missing WHO', 'Name a remote, or a local program by --uid.');
    }
    if (flags.program !== undefined && flags.uid === undefined) {
      throw new UsageError('--program needs --uid', 'A path alone gives nobody a right.');
    }
    const paths = this.paths(flags);
    const { openStore } = await import('../../core/store/store.ts');
    const { loadPolicy } = await import('../../core/authz/load-policy.ts');
    const { findDoubts } = await import('../../core/authz/doubts.ts');
    const { parseDonai, formatDonai } = await import('../../core/identity/donai.ts');
    const at = flags.at === undefined ? Date.now() : parseTime(flags.at);
    const localId = parseDonai(flags.to);
    await using store = await openStore(paths.stateDir, 'read');
    const services = flags.service === undefined ? [] : [flags.service.toLowerCase()];
    const mentioned = { locals: [formatDonai(localId)], services };
    const hint = 'Without --strict that is only pointed out.';
    const doubts = await findDoubts(store.db, mentioned, flags.strict, hint);
    const loaded = await loadPolicy(store.db, await this.choices(paths), at);
    const asked = { ...flags, localId: flags.to, at };
    const remote = args.who === undefined ? null : await explainRemote(loaded, args.who, asked);
    const program = flags.uid === undefined ? null : await explainUid(loaded, flags.uid, asked);
    const allowed = remote?.allowed !== false && program?.allowed !== false;
    if (!this.jsonEnabled()) {
      for (const doubt of doubts) this.warn(doubt);
      await this.#print(remote, program, flags.explain);
    }
    if (!allowed) process.exitCode = 1;
    return { allowed, remote, program, doubts };
  }

  async #print(
    remote: Explanation | null,
    program: CheckedProgram | null,
    all: boolean,
  ): Promise<void> {
    const { explanationLines } = await import('../../core/cli/explanation-lines.ts');
    if (remote !== null) this.log(explanationLines(remote, all).join('\n'));
    if (program !== null) this.log(program.lines.join('\n'));
  }
}

interface Asked {
  readonly localId: string;
  readonly service?: string | undefined;
  readonly address?: string | undefined;
  readonly validated: string;
  readonly program?: string | undefined;
  readonly role: string;
  readonly at: number;
}

async function explainRemote({ policy }: LoadedPolicy, who: string, asked: Asked) {
  const { parseDonai } = await import('../../core/identity/donai.ts');
  const { explain } = await import('../../core/authz/explanation.ts');
  const { parseClientAddress } = await import('../../core/authz/address-prefix.ts');
  if (asked.address !== undefined && parseClientAddress(asked.address) === undefined) {
    throw new UsageError(`${asked.address} is no address`, 'Such as 192.0.2.7 or 2001:db8::7.');
  }
  return explain(policy, {
    remote: await remoteOf(who, asked.validated),
    localId: parseDonai(asked.localId),
    service: asked.service?.toLowerCase() ?? '',
    address: asked.address ?? '',
    at: asked.at,
  });
}

/** One remote, not many. */
async function remoteOf(who: string, validated: string): Promise<Remote> {
  const { parseWho } = await import('../../core/authz/who.ts');
  const { anonymous } = await import('../../core/authz/question.ts');
  const { parseValidated } = await import('../../core/authz/validated.ts');
  const { isDonai } = await import('../../core/identity/selector.ts');
  const meant = parseWho(who);
  if (meant.kind === 'anonymous') return anonymous;
  if (meant.kind === 'selector' && isDonai(meant.selector)) {
    return { id: meant.selector, names: [], validatedBy: parseValidated(validated) };
  }
  const hint = 'Such as mary@example.com, host.example.com or anonymous.';
  throw new UsageError(`${who} stands for many: ask about one remote`, hint);
}

async function explainUid({ programs }: LoadedPolicy, user: string, asked: Asked) {
  const { parseDonai } = await import('../../core/identity/donai.ts');
  const { explainProgram, programOfUser } = await import('../../core/authz/explain-program.ts');
  const { userId } = await import('../../core/config/values.ts');
  const program = programOfUser(userId(user), asked.program);
  const role = asked.role === 'client' ? 'client' : 'server';
  return explainProgram(programs, {
    program,
    localId: parseDonai(asked.localId),
    role,
    at: asked.at,
  });
}

function parseTime(text: string): number {
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return time;
  throw new UsageError(`${text} is no time`, 'Such as 2030-12-31T18:00:00Z.');
}
