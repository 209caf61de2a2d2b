import { systemReason, TlspoolError } from '../core/errors.ts';
import { nameOfNumber, poolErrorNumber } from '../core/protocol/errors.ts';
import type { Message } from '../core/protocol/message.ts';

/**
 * The pool's error as one of ours: `wire` is its number, `code` the name of that: `EACCES`, or in kebab-case and
 * without its prefix `ctlkey-not-found`. undefined if the message is no error.
 */
export function errorOf(message: Message): TlspoolError | undefined {
  if (message.command !== 'error') return undefined;
  const { number, text } = message;
  const name = nameOfNumber(number);
  const ours = name.startsWith('E_TLSPOOL_');
  const code = ours ? name.slice('E_TLSPOOL_'.length).toLowerCase().replaceAll('_', '-') : name;
  return new TlspoolError(code, text === '' ? name : text, { wire: number });
}

export function noDaemon(socket: string, cause: unknown): TlspoolError {
  // Nothing was tried: that is no news of the pool.
  if (cause instanceof TlspoolError && /^engine-(missing|unusable)$/.test(cause.code)) return cause;
  const refused = isRefused(cause);
  return new TlspoolError(
    'no-daemon',
    refused
      ? `this user may not use the pool at ${socket}`
      : `no pool answers at ${socket}: ${systemReason(cause)}`,
    {
      hint: refused
        ? 'Its socket_mode, socket_user and socket_group say who may.'
        : 'Start one with `tlspool serve`, or name its socket with --socket or TLSPOOL_SOCKET.',
      exit: 3,
      cause,
    },
  );
}

/** The same of the socket beside it, which fewer may use. */
export function noAdministration(socket: string, cause: unknown): TlspoolError {
  if (!isRefused(cause)) return noDaemon(socket, cause);
  return new TlspoolError('no-daemon', `this user may not administer the pool at ${socket}`, {
    hint: "Only root and the daemon's own user may.",
    exit: 3,
    cause,
  });
}

function isRefused(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'EACCES';
}

export function connectionLost(reason: string, cause?: unknown): TlspoolError {
  return new TlspoolError('client-disconnect', `the connection to the pool is gone: ${reason}`, {
    wire: poolErrorNumber('CLIENT_DISCONNECT'),
    exit: 3,
    cause,
  });
}

export function tooManyRequests(): TlspoolError {
  return new TlspoolError('EAGAIN', 'too many requests wait for their answer', {
    hint: 'Wait for some of them, or open another connection.',
  });
}

export function unexpectedAnswer(answer: Message, request: string): TlspoolError {
  return new TlspoolError('bad-answer', `the pool answered ${answer.command} to ${request}`);
}

export function extensionMissing(what: string): TlspoolError {
  return new TlspoolError('no-extension', `this pool cannot take ${what}`, {
    hint: 'It speaks the protocol without the extension of tlspool; use a pool that has it.',
  });
}
