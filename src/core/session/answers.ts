import { constants } from 'node:os';
import { closeFd } from '../engine/sockets.ts';
import { PoolError, poolErrorNumber } from '../protocol/errors.ts';
import type { StartTls } from '../protocol/message.ts';
import type { Answer } from './requester.ts';

/** What a program settled on when it was proposed a local identity. */
export interface Choice {
  /** '' refuses. */
  readonly name: string;
  /** The plaintext socket, if it came along; that accepts the proposal, whatever else is said. */
  readonly plainFd: number | undefined;
}

/** @throws PoolError; descriptors are closed then */
export function readChoice(proposed: string, answer: Answer): Choice {
  const plainFd = onlyDescriptor(answer);
  if (plainFd !== undefined) return { name: proposed, plainFd };
  const { message } = answer;
  if (message?.command === 'starttlsLocalId') {
    return { name: (message as StartTls).localId, plainFd };
  }
  if (message?.command === 'error') {
    return { name: refusals.includes(message.number) ? '' : proposed, plainFd };
  }
  throw badAnswer(answer, 'starttlsLocalId');
}

/**
 * Errors by which a program refuses. Clients that use one callback for both questions answer with some errno when they
 * have no socket to give yet: that is no refusal.
 */
const refusals: readonly number[] = [
  constants.errno.EACCES,
  constants.errno.EPERM,
  poolErrorNumber('CLIENT_REFUSES_CALLBACK'),
];

/** The plaintext socket. @throws PoolError; descriptors are closed then */
export function readPlaintext(answer: Answer): number {
  const fd = onlyDescriptor(answer);
  if (answer.message?.command !== 'plaintextConnect') {
    if (fd !== undefined) closeFd(fd);
    throw badAnswer(answer, 'plaintextConnect');
  }
  if (fd !== undefined) return fd;
  throw new PoolError('PLAIN_SOCKET_NEEDED', 'the answer brought no plaintext socket');
}

/** Nobody waits for the answer any more. */
export function dropAnswer({ fds }: Answer): void {
  for (const fd of fds) closeFd(fd);
}

function onlyDescriptor(answer: Answer): number | undefined {
  const { fds, truncated } = answer;
  if (fds.length <= 1 && !truncated) return fds[0];
  dropAnswer(answer);
  if (truncated) throw new PoolError('PLAIN_SOCKET_NEEDED', 'the pool may not open more files');
  throw new PoolError('SUPERFLUOUS_SOCKET', `an answer takes one descriptor, got ${fds.length}`);
}

function badAnswer({ message }: Answer, expected: string): PoolError {
  const got = message === undefined ? 'a malformed message' : message.command;
  const said = message?.command === 'error' && message.text !== '' ? `: ${message.text}` : '';
  return new PoolError(
    'COMMAND_BAD_CALLBACK_RESPONSE',
    `expected the answer ${expected}, got ${got}${said}`,
  );
}
