import type { Effect } from '../authz/rule.ts';
import { AuthzCommand, type ChangeReport } from './authz-command.ts';
import { changeFlags, repeatable, ruleFlags } from './authz-flags.ts';
import { Args, Flags } from './oclif.ts';

export const whoArgument = Args.string({
  required: true,
  ignoreStdin: true,
  description:
    'john@example.com, a selector such as @example.com or .example.com, group:NAME, authenticated, anonymous or everyone',
});

const toFlag = Flags.string({
  required: true,
  helpValue: 'LOCALID',
  description: 'local identity or a selector of them; . is every domain, @. every user',
});

const serviceFlag = Flags.string({
  helpValue: 'NAME',
  description: 'only this service, such as smtp; without it, every service',
});

/** What `allow` and `deny` have alike. */
export const ruleConditionFlags = {
  to: toFlag,
  service: serviceFlag,
  from: repeatable({
    helpValue: 'ADDRESS',
    description: 'only clients of this address or block, such as 192.0.2.0/24; may be repeated',
  }),
  validated: repeatable({
    helpValue: 'HOW',
    description:
      'only if validated so: chain, dane, pin, directory, crl, ocsp, post-quantum, or letters of a validation expression that must all hold, such as TR; may be repeated, one suffices',
  }),
  hours: Flags.string({
    helpValue: 'WEEK',
    description: 'only then, by the clock of this machine: "mon-fri 08:00-18:00"',
  }),
  ...ruleFlags,
  ...changeFlags,
};

interface RuleFlagValues {
  readonly to: string;
  readonly service?: string | undefined;
  readonly from?: string[] | undefined;
  readonly validated?: string[] | undefined;
  readonly hours?: string | undefined;
  readonly name?: string | undefined;
  readonly expires?: string | undefined;
  readonly note?: string | undefined;
  readonly strict: boolean;
  readonly 'dry-run': boolean;
  readonly 'apply-to-open': boolean;
}

export interface AddedRule extends ChangeReport {
  readonly name: string;
  readonly rule: string;
  /** False: the same rule was there already. */
  readonly isNew: boolean;
}

/** A command that adds a rule about remotes. */
export abstract class AuthzRuleCommand extends AuthzCommand {
  protected async add(effect: Effect, who: string, flags: RuleFlagValues): Promise<AddedRule> {
    const { makeRule } = await import('../authz/make-rule.ts');
    const { addRule } = await import('../authz/change-rules.ts');
    const { describeRule } = await import('../authz/rule.ts');
    const { formatSelector } = await import('../identity/selector.ts');
    const author = this.author(flags.note);
    const { to, service, from, validated, hours, name, expires } = flags;
    const written = { effect, who, to, service, from, validated, hours, name, expires };
    const { value, report } = await this.change(
      flags,
      (db) => addRule(db, (freeName) => makeRule(written, author, freeName)),
      ({ rule }) => ({
        locals: [formatSelector(rule.to)],
        services: rule.service === undefined ? [] : [rule.service],
        groups: rule.who.kind === 'group' ? [rule.who.group] : [],
        ends: rule.when.expires,
      }),
    );
    const { rule, isNew } = value;
    const added = { name: rule.name, rule: describeRule(rule), isNew, ...report };
    this.log(
      isNew
        ? `Rule ${rule.name}: ${added.rule}`
        : `Rule ${rule.name} says so already: ${added.rule}`,
    );
    this.printReport(report);
    return added;
  }
}
