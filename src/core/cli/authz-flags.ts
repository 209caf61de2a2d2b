import { Flags } from './oclif.ts';

/** Flags of commands that change who may do what. */
export const changeFlags = {
  note: Flags.string({ helpValue: 'TEXT', description: 'why; kept with it' }),
  strict: Flags.boolean({
    description: 'fail if it names a local identity, service or group that is not there',
  }),
  'dry-run': Flags.boolean({
    description: 'change nothing; show which logged decisions would be others',
  }),
  'apply-to-open': Flags.boolean({
    description: 'end the sessions that are open now and would not be allowed any more',
  }),
};

/** Flags that say for how long, and by what name. */
export const ruleFlags = {
  name: Flags.string({ helpValue: 'NAME', description: 'of the rule; r1, r2, … without' }),
  expires: Flags.string({
    helpValue: 'WHEN',
    description: 'when it ends: 2030-12-31, a time in ISO 8601, or 12h, 30d, 8w from now',
  }),
};

/** A list of words; each takes the flag once. */
export function repeatable(options: { helpValue: string; description: string }) {
  return Flags.string({ ...options, multiple: true, multipleNonGreedy: true });
}
