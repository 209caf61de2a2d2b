import type { GroupMembers } from '../../../src/core/authz/group.ts';
import { Memberships } from '../../../src/core/authz/memberships.ts';
import { Policy } from '../../../src/core/authz/policy.ts';
import type { Rule } from '../../../src/core/authz/rule.ts';
import { RuleIndex, type Standing } from '../../../src/core/authz/rule-index.ts';

export interface PolicyParts {
  readonly rules: readonly Rule[];
  readonly groups: readonly GroupMembers[];
  readonly standings: readonly Standing[];
  readonly closedByDefault: boolean;
}

export function makePolicy({ rules, groups, standings, closedByDefault }: PolicyParts): Policy {
  const index = new RuleIndex();
  for (const rule of rules) index.add(rule);
  index.setStandings(standings);
  return new Policy(index, new Memberships(groups, index.groups), closedByDefault);
}
