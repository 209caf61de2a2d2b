import { constants } from 'node:os';
import { TlspoolError } from '../errors.ts';

/** A text that names nobody. */
export class DonaiError extends TlspoolError {
  constructor(message: string, details: { readonly hint?: string } = {}) {
    super('bad-donai', message, { ...details, wire: constants.errno.EINVAL, exit: 2 });
  }
}
