import { formatDonai, parseDonai } from '../identity/donai.ts';
import { PoolError, PosixError } from '../protocol/errors.ts';
import { readChoice } from './answers.ts';
import type { Myself } from './local-identity.ts';
import type { Negotiating } from './negotiating.ts';
import type { Presentation } from './presentation.ts';
import { isTls13, type RenewedSession } from './renewed-session.ts';
import type { Requester } from './requester.ts';
import { localIdProposal } from './responses.ts';
import type { StartTlsRequest } from './start-tls-request.ts';

/**
 * What RENEGOTIATE asks, for the session that it names: what it leaves open stays as it is.
 * @throws PosixError EINVAL, if the session cannot become that
 */
export function renewalRequest(
  request: StartTlsRequest,
  { facts, agreed, myself, origin }: RenewedSession,
): StartTlsRequest {
  if (request.role !== facts.role) {
    throw new PosixError('EINVAL', `this session is that of a ${facts.role}`);
  }
  if (isTls13(agreed)) refuseOtherLocalId(request.localId && formatDonai(request.localId), agreed);
  const client = request.role === 'client';
  const remoteId = client ? theRemote(request, agreed.remoteId) : request.remoteId;
  const localId = request.localId ?? (client ? origin?.localId : myself?.name);
  const message = {
    ...request.message,
    localId: localId === undefined ? '' : formatDonai(localId),
    remoteId: client ? agreed.remoteId : request.message.remoteId,
  };
  return { ...request, service: facts.service, localId, remoteId, message };
}

/** Whom a client talks to is settled from the beginning. */
function theRemote({ remoteId }: StartTlsRequest, known: string) {
  if (remoteId !== undefined && formatDonai(remoteId) !== known) {
    throw new PosixError('EINVAL', `in this session we talk to ${known}, and to nobody else`);
  }
  return parseDonai(known);
}

function refuseOtherLocalId(localId: string | undefined, agreed: { readonly localId: string }) {
  if (localId === undefined || localId === agreed.localId) return;
  const who = agreed.localId === '' ? 'nobody' : agreed.localId;
  throw new PosixError('EINVAL', `in this session we are ${who}, and stay so`);
}

/** Who we are in a new handshake, as far as nobody is to be asked. @throws PosixError, PoolError */
export function myselfAnew(
  presentation: Presentation,
  request: StartTlsRequest,
  { myself }: RenewedSession,
): Myself | undefined {
  const same = request.localId !== undefined && myself !== undefined;
  // It was made on the fly: nobody else knows it.
  const isMade = same && myself.made === true && sameName(request, myself);
  if (isMade && !request.localIdCheck && !request.onTheFly) return myself;
  return presentation.myselfAtOnce(request);
}

function sameName({ localId }: StartTlsRequest, { name }: Myself): boolean {
  return localId !== undefined && formatDonai(localId) === formatDonai(name);
}

/**
 * The program wants to be asked who we are, where that cannot change: it can only agree.
 * @throws PoolError, PosixError: it does not, or does not answer in time
 */
export async function confirmLocalId(
  requester: Requester,
  state: Negotiating,
  localId: string,
): Promise<void> {
  const { requestId, timeout } = state.request;
  let timer: NodeJS.Timeout | undefined;
  try {
    const name = await new Promise<string>((resolve, reject) => {
      const messages = [localIdProposal(state.request, localId)];
      state.callback = requester.call(requestId, messages, (answer) => {
        try {
          const choice = readChoice(localId, answer);
          state.plainFd = choice.plainFd;
          resolve(choice.name);
        } catch (error) {
          reject(error);
        }
      });
      const late = () => reject(new PosixError('ETIMEDOUT', 'the program did not say who we are'));
      if (timeout > 0) timer = setTimeout(late, timeout);
    });
    if (state.plainFd !== undefined) throw superfluousSocket();
    if (name === '') {
      throw new PoolError('CLIENT_REFUSES_CALLBACK', `the program does not want to be ${localId}`);
    }
    refuseOtherLocalId(name, { localId });
  } finally {
    clearTimeout(timer);
  }
}

/** A session that is renewed has both of its sockets. */
export function superfluousSocket(): PoolError {
  return new PoolError('SUPERFLUOUS_SOCKET', 'the session that is renewed has its sockets');
}

/** Why the engine does not renew a session; it goes on as it is. */
export const notRenewed = {
  busy: () =>
    new PoolError(
      'RENOGIATE_NOT_INTERRUPTABLE',
      'the session is about to end, or is being renewed already',
    ),
  unable: () =>
    new PoolError(
      'RENOGIATE_NOT_INTERRUPTABLE',
      'the client did not say that it can be asked after the handshake',
      'Ask during the handshake, or use IGNORE_REMOTEID to change keys only.',
    ),
  insecure: () =>
    new PoolError(
      'RENOGIATE_WOULD_BE_INSECURE',
      'the other side lacks what makes it safe to renegotiate TLS 1.2 (RFC 5746, RFC 7627)',
      'Use TLS 1.3, or ask during the handshake.',
    ),
  asked: () => unexpected(),
  rekeyed: () => unexpected(),
  renegotiating: () => unexpected(),
} as const;

function unexpected(): PoolError {
  return new PoolError('RENOGIATE_NOT_INTERRUPTABLE', 'the session has another version of TLS');
}
