import { TlspoolError } from '../errors.ts';

/** Why a dialog comes to nothing. The connection ends with it; what was to be said is said first. */
export class DialogEnd extends TlspoolError {
  constructor(code: `starttls-${string}`, message: string, hint?: string) {
    super(code, message, { hint });
  }
}
