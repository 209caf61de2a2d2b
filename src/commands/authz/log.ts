import type { DecisionRecord } from '../../core/authz/decision-log.ts';
import { AuthzCommand } from '../../core/cli/authz-command.ts';
import { decisionWord } from '../../core/cli/decision-word.ts';
import { Flags } from '../../core/cli/oclif.ts';
import { harmless } from '../../core/seats/harmless.ts';

export default class AuthzLog extends AuthzCommand {
  static override summary = 'show recent decisions';

  static override description =
    'The latest decisions about remotes and about local programs, the newest last, from the state folder; no daemon is needed. ID is what `authz explain` takes.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> --denied',
    { description: 'for a program', command: '<%= config.bin %> <%= command.id %> --json -n 1000' },
  ];

  static override flags = {
    number: Flags.integer({
      char: 'n',
      helpValue: 'COUNT',
      default: 20,
      min: 1,
      max: 100_000,
      description: 'how many',
    }),
    denied: Flags.boolean({ description: 'only what was denied' }),
  };

  async run(): Promise<{ readonly decisions: readonly DecisionRecord[] }> {
    const { flags } = await this.parse(AuthzLog);
    const { stateDir } = this.paths(flags);
    const { readDecisions } = await import('../../core/authz/decision-log.ts');
    const { openStore } = await import('../../core/store/store.ts');
    // Where there is no pool, nothing was decided either, but that is not what is meant.
    await using _store = await openStore(stateDir, 'read');
    const all = await readDecisions(stateDir, flags.denied ? 100_000 : flags.number);
    const wanted = flags.denied ? all.filter(({ allowed }) => !allowed) : all;
    const decisions = wanted.slice(-flags.number);
    if (!this.jsonEnabled()) await this.#print(decisions);
    return { decisions };
  }

  async #print(decisions: readonly DecisionRecord[]): Promise<void> {
    const { tableLines } = await import('../../core/cli/table.ts');
    const rows = decisions.map((record) => ({
      time: record.at.slice(0, 19).replace('T', ' '),
      id: record.id,
      decision: decisionWord(record),
      who: who(record),
      local: record.local || '–',
      service: record.about === 'remote' && record.service !== '' ? record.service : '–',
      reason: record.rule === null ? record.reason : `${record.reason} ${record.rule}`,
    }));
    const columns = ['time', 'id', 'decision', 'who', 'local', 'service', 'reason'] as const;
    const lines = tableLines(columns, rows);
    this.log(lines.length > 0 ? lines.join('\n') : 'No decisions were logged.');
  }
}

function who(record: DecisionRecord): string {
  if (record.about === 'program')
    return `user ${record.uid} (${harmless(record.executable) || 'program'})`;
  if (record.remote !== '') return record.remote;
  return record.names.length === 0 ? 'anonymous' : `unproven ${record.names.join(', ')}`;
}
