import { TlspoolError } from '../errors.ts';

/** A rule, group or condition that cannot be meant. */
export class RuleError extends TlspoolError {
  constructor(message: string, hint?: string) {
    super('bad-rule', message, { hint, exit: 2 });
  }
}
