import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { TlspoolError } from '../errors.ts';

/**
 * Error numbers on the wire: POSIX errno values (1–255) for what they describe, and the com_err table "tlsP".
 * https://gitlab.com/arpa2/tlspool, include/tlspool/errors.h
 */
const BASE = -1167372288;

/** In the order of the table: the index is added to the base. */
const names = [
  'OUT_OF_MEMORY',
  'ENTANGLED_THREADS',
  'CLIENT_DISCONNECT',
  'CLIENT_REFUSES_CALLBACK',
  'COMMAND_NEEDED',
  'SUPERFLUOUS_SOCKET',
  'CIPHER_SOCKET_NEEDED',
  'PLAIN_SOCKET_NEEDED',
  'COMMAND_UNKNOWN',
  'COMMAND_NOTIMPL',
  'COMMAND_BAD_CALLBACK_RESPONSE',
  'FACILITY_STARTTLS',
  'FACILITY_STARTGSS',
  'FACILITY_STARTSSH',
  'CTLKEY_REGISTRATION_FAILED',
  'CTLKEY_NOT_FOUND',
  'CTLKEY_NOT_YOURS',
  'CTLKEY_DETACHED',
  'CTLKEY_ATTACHED',
  'RENOGIATE_NOT_FOUND',
  'RENOGIATE_NOT_INTERRUPTABLE',
  'RENOGIATE_WOULD_BE_INSECURE',
  'CONNECTION_HANDLER_SETUP',
  'CONNECTION_DRIVER_SETUP',
  'STIRRED_NOT_SHAKEN',
  'PRNG_UNAVAILABLE',
  'LIDENTRY_NOT_VACANT',
  'PINENTRY_NOT_VACANT',
  'INFOKIND_UNKNOWN',
  'INFO_NOT_FOUND',
] as const;

/** Name of an error of the pool, without its prefix `E_TLSPOOL_`. */
export type PoolErrorName = (typeof names)[number];

export const poolErrorNames: readonly PoolErrorName[] = names;

/** Failures that have a number of the table. `code` is the name in kebab-case: `ctlkey-not-found`. */
export class PoolError extends TlspoolError {
  constructor(name: PoolErrorName, message: string, hint?: string) {
    super(name.toLowerCase().replaceAll('_', '-'), message, { hint, wire: poolErrorNumber(name) });
  }
}

/** Failures that POSIX has a number for. `code` is the errno's name: `EACCES`. */
export class PosixError extends TlspoolError {
  constructor(name: keyof typeof constants.errno, message: string, hint?: string) {
    super(name, message, { hint, wire: constants.errno[name] });
  }
}

export function poolErrorNumber(name: PoolErrorName): number {
  return BASE + names.indexOf(name);
}

/** `E_TLSPOOL_CTLKEY_NOT_FOUND`, `EACCES`; `error 4711` for a number that means nothing. */
export function nameOfNumber(wire: number): string {
  const ours = names[wire - BASE];
  if (ours !== undefined) return `E_TLSPOOL_${ours}`;
  const isErrno = Object.values(constants.errno).includes(wire);
  return isErrno ? getSystemErrorName(-wire) : `error ${wire}`;
}

/** The number that tells a client of any failure; what has none of its own is `fallback`. */
export function wireNumber(error: unknown, fallback: number): number {
  return (error instanceof TlspoolError ? error.wire : undefined) ?? fallback;
}
