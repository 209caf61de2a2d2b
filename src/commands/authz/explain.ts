import type { DecisionRecord, ProgramRecord, RemoteRecord } from '../../core/authz/decision-log.ts';
import type { CheckedProgram } from '../../core/authz/explain-program.ts';
import type { Explanation } from '../../core/authz/explanation.ts';
import type { LoadedPolicy } from '../../core/authz/load-policy.ts';
import { AuthzCommand } from '../../core/cli/authz-command.ts';
import { decisionWord } from '../../core/cli/decision-word.ts';
import { Args, Flags } from '../../core/cli/oclif.ts';
import { TlspoolError, UsageError } from '../../core/errors.ts';

interface Explained {
  /** As it was decided. */
  readonly decision: DecisionRecord;
  /** As it would be decided now. */
  readonly now: Explanation | CheckedProgram;
}

export default class AuthzExplain extends AuthzCommand {
  static override summary = 'replay a decision of the log';

  /** 1 is an answer. */
  static override failureExit = 2;

  static override description =
    'Shows what was decided, and how the same question would be decided now, with every rule that is considered. The log is that of `tlspool authz log`; sessions have the same ids there and in `tlspool sessions list`.';

  static override examples = [
    { description: 'the latest', command: '<%= config.bin %> <%= command.id %> --last' },
    '<%= config.bin %> <%= command.id %> 3f9a1c-2b',
  ];

  static override args = {
    id: Args.string({ ignoreStdin: true, description: 'id of the decision' }),
  };

  static override flags = {
    last: Flags.boolean({ description: 'the latest decision' }),
    denied: Flags.boolean({ description: 'with --last: the latest denial' }),
  };

  async run(): Promise<Explained> {
    const { args, flags } = await this.parse(AuthzExplain);
    if ((args.id === undefined) === !flags.last) {
      throw new UsageError('say either ID or --last', 'See `tlspool authz log`.');
    }
    const paths = this.paths(flags);
    const { readDecisions } = await import('../../core/authz/decision-log.ts');
    const { openStore } = await import('../../core/store/store.ts');
    const { loadPolicy } = await import('../../core/authz/load-policy.ts');
    await using store = await openStore(paths.stateDir, 'read');
    const log = await readDecisions(paths.stateDir, 100_000);
    const decision = log.findLast(
      ({ id, allowed }) => (args.id === undefined || id === args.id) && !(flags.denied && allowed),
    );
    if (decision === undefined) throw noDecision(args.id, flags.denied);
    const loaded = await loadPolicy(store.db, await this.choices(paths));
    const now =
      decision.about === 'remote'
        ? await explainRemote(loaded, decision)
        : await explainProgram(loaded, decision);
    if (!this.jsonEnabled()) await this.#print(decision, now);
    return { decision, now };
  }

  async #print(decision: DecisionRecord, now: Explanation | CheckedProgram): Promise<void> {
    const { explanationLines } = await import('../../core/cli/explanation-lines.ts');
    const { at, id, reason, rule } = decision;
    const time = at.slice(0, 19).replace('T', ' ');
    const by = rule === null ? reason : `${reason} ${rule}`;
    this.log(`${time} UTC, session ${id}: ${decisionWord(decision)} [${by}]`);
    if (decision.about === 'remote') {
      this.log(`  client  ${decision.address || 'address not known'}`);
      this.log(`  groups  ${decision.groups.join(', ') || 'none'}`);
    }
    this.log('\nNow:');
    this.log(('lines' in now ? now.lines : explanationLines(now, true)).join('\n'));
  }
}

async function explainRemote({ policy }: LoadedPolicy, record: RemoteRecord): Promise<Explanation> {
  const { questionOf } = await import('../../core/authz/decision-log.ts');
  const { explain } = await import('../../core/authz/explanation.ts');
  return explain(policy, { ...questionOf(record), at: Date.now() });
}

async function explainProgram(
  { programs }: LoadedPolicy,
  record: ProgramRecord,
): Promise<CheckedProgram> {
  const { explainProgram: explain } = await import('../../core/authz/explain-program.ts');
  const { digestOf } = await import('../../core/authz/executable-digest.ts');
  const { parseDonai } = await import('../../core/identity/donai.ts');
  const { pid, uid, gids, executable, unit, local, role } = record;
  const program = { pid, uid, gids, executable, unit, digest: () => digestOf(executable) };
  const localId = local === '' ? undefined : parseDonai(local);
  return explain(programs, { program, localId, role, at: Date.now() });
}

function noDecision(id: string | undefined, denied: boolean): TlspoolError {
  const latest = denied ? 'no denial was logged' : 'no decision was logged';
  const what = id === undefined ? latest : `there is no decision ${id} in the log`;
  return new TlspoolError('no-decision', what, { hint: 'See `tlspool authz log`.', exit: 2 });
}
