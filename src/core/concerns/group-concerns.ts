import type { Gap } from '../authz/group.ts';
import type { Concern } from './concern.ts';

/** Groups of which it is not known who is in them. @param gaps by group: those of groups that hold such a group, too */
export function groupConcerns(gaps: ReadonlyMap<string, Gap>): Concern[] {
  const own = [...gaps].filter(([group, gap]) => gap.group === group);
  return own.map(([group, { text }]) => ({
    code: 'group-unknown',
    about: group,
    message: `who is in the group ${group} is not known: ${text}`,
    hint: 'Rules that allow it let nobody in, rules that deny it keep everybody out.',
  }));
}
