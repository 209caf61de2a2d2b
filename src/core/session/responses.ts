import { writeDetails } from '../protocol/extension.ts';
import { startTlsFlags } from '../protocol/flags.ts';
import type { Message, StartTls } from '../protocol/message.ts';
import type { Agreed } from './agreed.ts';
import type { StartTlsRequest } from './start-tls-request.ts';

/** The callback that proposes a local identity. */
export function localIdProposal({ message }: StartTlsRequest, localId: string): StartTls {
  return { ...message, command: 'starttlsLocalId', localId };
}

/** The callback that asks for the plaintext socket, details first for who wants them. */
export function plaintextCallback(request: StartTlsRequest, agreed: Agreed): Message[] {
  return [...details(request, agreed), { ...answer(request, agreed), command: 'plaintextConnect' }];
}

/** The final response. */
export function finalResponse(request: StartTlsRequest, agreed: Agreed): StartTls {
  return { ...answer(request, agreed), command: 'starttls' };
}

/** The final response where nothing was asked before it. */
export function onlyResponse(request: StartTlsRequest, agreed: Agreed): Message[] {
  return [...details(request, agreed), finalResponse(request, agreed)];
}

function details({ extended }: StartTlsRequest, agreed: Agreed): Message[] {
  if (!extended) return [];
  const { decision = '', groups = [] } = agreed.admitted ?? {};
  return writeDetails({ ...agreed, decision, groups });
}

function answer(request: StartTlsRequest, agreed: Agreed): StartTls {
  return {
    ...request.message,
    flags: answerFlags(request, agreed),
    localId: agreed.localId,
    remoteId: agreed.remoteId,
  };
}

/** Flags that offered a freedom and stay set only if it was used; roles say which one was taken. */
function answerFlags({ message, role }: StartTlsRequest, agreed: Agreed): number {
  const { localRoleClient, localRoleServer, remoteRoleClient, remoteRoleServer } = startTlsFlags;
  const { ignoreRemoteId, requestRemoteId, domainRepresentsUser, localIdOnTheFly } = startTlsFlags;
  let unused = localRoleClient | localRoleServer | remoteRoleClient | remoteRoleServer;
  const taken =
    role === 'client' ? localRoleClient | remoteRoleServer : localRoleServer | remoteRoleClient;
  if (agreed.remoteId !== '') unused |= ignoreRemoteId | requestRemoteId;
  if (!agreed.domainRepresented) unused |= domainRepresentsUser;
  if (!agreed.madeOnTheFly) unused |= localIdOnTheFly;
  return ((message.flags & ~unused) | taken) >>> 0;
}
