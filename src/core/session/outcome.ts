import type { ClosedEvent, EngineFailure } from '../engine/types.ts';
import { TlspoolError } from '../errors.ts';
import { PoolError, PosixError } from '../protocol/errors.ts';

/** Why a session ended before it was set up, as its program is told. */
export function setUpFailure({ reason, failure, counters }: ClosedEvent): TlspoolError {
  switch (reason) {
    case 'handshake-timeout':
      return timedOut(counters.duration);
    case 'truncated':
    case 'peer-reset':
    case 'closed':
      return handshakeFailed('the other side hung up during the handshake', failure);
    case 'ended':
      return handshakeFailed('the pool ended the session', failure);
    default:
      return ofOurKey(failure) ?? handshakeFailed(describe(failure) ?? reason, undefined);
  }
}

/** What an operator can do something about: the token waited for a person in vain, or has our key no more. */
function ofOurKey(failure: EngineFailure | undefined): PoolError | undefined {
  switch (failure?.pkcs11?.name) {
    case 'PIN_DECLINED':
      return new PoolError('STIRRED_NOT_SHAKEN', "the PIN of our key's token was declined");
    case 'PIN_SEAT_LOST':
      return new PoolError(
        'STIRRED_NOT_SHAKEN',
        "the program that was to ask for the PIN of our key's token went away",
        'Run tlspool pin.',
      );
    case 'CKR_PIN_INCORRECT':
      return new PoolError(
        'STIRRED_NOT_SHAKEN',
        "the PIN of our key's token was wrong (CKR_PIN_INCORRECT)",
        'See tlspool pin status.',
      );
    case 'KEY_NOT_FOUND':
      return new PoolError(
        'STIRRED_NOT_SHAKEN',
        'our key is not in its token (KEY_NOT_FOUND)',
        'Make another: tlspool identities create --renew.',
      );
    default:
      return undefined;
  }
}

function handshakeFailed(what: string, failure: EngineFailure | undefined): PoolError {
  const details = describe(failure);
  return new PoolError('STIRRED_NOT_SHAKEN', details === undefined ? what : `${what}: ${details}`);
}

/** `we refused: no shared cipher (alert handshake_failure, CKR_PIN_LOCKED)` */
export function describe(failure: EngineFailure | undefined): string | undefined {
  if (failure === undefined) return undefined;
  const { side, alert, pkcs11 } = failure;
  const marks: string[] = [];
  if (alert !== undefined) marks.push(`alert ${alert.name} ${alert.direction}`);
  if (pkcs11 !== undefined) marks.push(`token says ${pkcs11.name}`);
  const who = side === 'local' ? 'we refused' : 'the other side refused';
  return `${who}: ${meaning(failure)}${marks.length === 0 ? '' : ` (${marks.join(', ')})`}`;
}

/** OpenSSL's reason, where that says something. Of our token it knows only that something failed (`EVP lib`). */
function meaning({ side, reason, pkcs11 }: EngineFailure): string {
  if (side !== 'local') return reason;
  if (pkcs11 !== undefined) return 'our token did not sign';
  return noTls.has(reason) ? `what came is no TLS (${reason})` : reason;
}

/** How OpenSSL calls a record that is none. */
const noTls: ReadonlySet<string> = new Set([
  'http request',
  'https proxy request',
  'packet length too long',
  'wrong version number',
]);

function timedOut(duration: number): PosixError {
  return new PosixError(
    'ETIMEDOUT',
    `the handshake was not done after ${Math.round(duration)} ms`,
    'Is the other side up, and does it speak TLS?',
  );
}

export function refusedPeer(reason: string, hint?: string): PoolError {
  return new PoolError('STIRRED_NOT_SHAKEN', `the other side is not accepted: ${reason}`, hint);
}

/** The engine's word on a descriptor as the protocol has it; other errors stay what they are. */
export function refusedSocket(
  error: unknown,
  number: 'CIPHER_SOCKET_NEEDED' | 'PLAIN_SOCKET_NEEDED',
): unknown {
  const unusable = error instanceof TlspoolError && error.code === 'unusable-descriptor';
  return unusable ? new PoolError(number, error.message, error.hint) : error;
}

/** What a program is told of any failure: faults of ours are no stranger's business. */
export function tellable(error: unknown): TlspoolError {
  if (!(error instanceof TlspoolError)) {
    return new PosixError('EIO', 'the pool has a fault; see its log');
  }
  if (error.wire !== undefined) return error;
  return new PoolError('STIRRED_NOT_SHAKEN', error.message, error.hint);
}
