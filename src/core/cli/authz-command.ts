import type { Kysely } from 'kysely';
import type { ChangeEffects, Flip } from '../authz/change-policy.ts';
import type { Mentions } from '../authz/doubts.ts';
import type { PolicyChoices } from '../authz/load-policy.ts';
import type { Authored } from '../authz/rule.ts';
import type { PoolPaths } from '../config/paths.ts';
import { userName } from '../config/person.ts';
import type { ReviewedSession } from '../server/review.ts';
import type { Schema } from '../store/schema.ts';
import { PoolCommand } from './pool-command.ts';

/** Logged decisions that a change is held against. */
const REMEMBERED = 10_000;
/** Lines of one kind that are printed. */
const MOST_LINES = 20;

/** What a change did. */
export interface ChangeReport extends Omit<ChangeEffects, 'flips'> {
  readonly dryRun: boolean;
  /** What it names and is not there. */
  readonly doubts: readonly string[];
  readonly flips: readonly {
    readonly remote: string;
    readonly local: string;
    readonly service: string;
    readonly allowed: boolean;
    readonly times: number;
  }[];
  /** Of the daemon that was asked about its sessions. */
  readonly socket: string;
  /** Open sessions that are not allowed any more; null: nobody was asked, or no daemon answers. */
  readonly sessions: readonly ReviewedSession[] | null;
  /** They were to be ended. */
  readonly applyToOpen: boolean;
  /** Whether those were ended. */
  readonly ended: boolean;
}

interface ChangeFlags {
  readonly strict?: boolean | undefined;
  readonly 'dry-run'?: boolean | undefined;
  readonly 'apply-to-open'?: boolean | undefined;
}

/** Commands about who may do what. */
export abstract class AuthzCommand extends PoolCommand {
  /** Whoever runs the command, also behind sudo. */
  protected author(note: string | undefined): Authored {
    const madeBy = process.env.SUDO_USER || userName();
    return { note: note ?? '', madeBy, madeAt: new Date().toISOString() };
  }

  /** How the daemon of this configuration decides where no rule does. */
  protected async choices(paths: PoolPaths): Promise<PolicyChoices> {
    const { readSettings } = await import('../config/read-settings.ts');
    const { authorisationRequired } = readSettings(paths.config);
    return { closedByDefault: authorisationRequired, poolUid: process.geteuid?.() ?? -1 };
  }

  /** Changes the policy in one transaction, or only tries to, and finds out what that does. */
  protected async change<Value>(
    flags: ChangeFlags & { socket?: string | undefined; 'state-dir'?: string | undefined },
    change: (db: Kysely<Schema>) => Promise<Value>,
    mentions: (value: Value) => Mentions = () => ({}),
  ): Promise<{ readonly value: Value; readonly report: ChangeReport }> {
    const paths = this.paths(flags);
    const dryRun = flags['dry-run'] === true;
    const { openStore } = await import('../store/store.ts');
    const { changePolicy } = await import('../authz/change-policy.ts');
    const { readDecisions } = await import('../authz/decision-log.ts');
    const { findDoubts } = await import('../authz/doubts.ts');
    const { wantReview } = await import('../store/review-wishes.ts');
    const choices = await this.choices(paths);
    const log = dryRun ? await readDecisions(paths.stateDir, REMEMBERED) : [];
    let doubts: readonly string[] = [];
    await using store = await openStore(paths.stateDir, 'write');
    const { value, effects } = await changePolicy({
      store,
      choices,
      log,
      dryRun,
      change: async (db) => {
        const made = await change(db);
        doubts = await findDoubts(db, mentions(made), flags.strict === true);
        // Pools inside other commands read it here; the daemon is asked below.
        if (flags['apply-to-open'] === true) await wantReview(db);
        return made;
      },
    });
    const apply = flags['apply-to-open'] === true;
    const sessions = dryRun ? null : await reviewOpen(paths.socket, apply);
    const { closed, opened, flips } = effects;
    const ended = apply && sessions !== null && sessions.length > 0;
    const asked = { socket: paths.socket, sessions, applyToOpen: apply, ended };
    const report = { dryRun, doubts, closed, opened, flips: flips.map(viewFlip), ...asked };
    return { value, report };
  }

  /** What the change did besides what it says. */
  protected printReport(report: ChangeReport): void {
    const { dryRun, closed, opened, flips } = report;
    for (const doubt of report.doubts) this.warn(doubt);
    const now = dryRun ? 'would be' : 'is';
    for (const name of closed) {
      this.log(
        `${name} ${now} closed, for every service: only those get in whom a rule allows, with a certificate.`,
      );
    }
    for (const name of opened)
      this.log(`${name} ${now} open: everybody gets in whom no rule denies.`);
    if (dryRun) this.#printFlips(flips);
    else this.#printSessions(report);
  }

  #printSessions({ socket, sessions, applyToOpen, ended }: ChangeReport): void {
    if (sessions === null) {
      if (applyToOpen)
        this.warn(`no daemon answers at ${socket}: no session of a daemon was ended`);
      return;
    }
    if (sessions.length === 0) {
      if (applyToOpen) this.log('0 open sessions ended.');
      return;
    }
    const count = sessions.length === 1 ? '1 open session' : `${sessions.length} open sessions`;
    this.log(
      ended
        ? `${count} ended:`
        : `${count} would not be allowed any more; --apply-to-open ends such sessions:`,
    );
    for (const { session, remote, local, reason } of sessions.slice(0, MOST_LINES)) {
      const where = local === '' ? '' : ` at ${local}`;
      this.log(`  ${session}  ${remote}${where}: ${reason}`);
    }
    this.#printRest(sessions.length);
  }

  #printFlips(flips: ChangeReport['flips']): void {
    this.log(
      flips.length === 0
        ? 'Dry run: nothing was changed, and no logged decision would be another one.'
        : 'Dry run: nothing was changed. Of the logged decisions these would be others:',
    );
    for (const { remote, local, service, allowed, times } of flips.slice(0, MOST_LINES)) {
      const what = `${remote} at ${local}${service === '' ? '' : ` for ${service}`}`;
      this.log(`  ${allowed ? 'denied → allowed' : 'allowed → denied'}  ${what}  (${times}×)`);
    }
    this.#printRest(flips.length);
  }

  #printRest(count: number): void {
    if (count > MOST_LINES) this.log(`  … and ${count - MOST_LINES} more (--json has all)`);
  }
}

function viewFlip({ record, allowed, times }: Flip): ChangeReport['flips'][number] {
  const { remote, names, local, service } = record;
  return { remote: remote || names.join(', ') || 'anonymous', local, service, allowed, times };
}

/** What the daemon says of its open sessions, now that the policy changed; null: none runs. */
async function reviewOpen(socket: string, apply: boolean): Promise<ReviewedSession[] | null> {
  const { reviewSessions } = await import('../../client/administration.ts');
  const { TlspoolError } = await import('../errors.ts');
  try {
    const sessions: ReviewedSession[] = [];
    for await (const session of reviewSessions({ socket, apply })) sessions.push(session);
    return sessions;
  } catch (error) {
    if (error instanceof TlspoolError && error.code === 'no-daemon') return null;
    throw error;
  }
}
