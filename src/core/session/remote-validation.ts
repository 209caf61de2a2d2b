import type { TlsRole, VerifyPeerEvent } from '../engine/types.ts';
import { formatDonai } from '../identity/donai.ts';
import type { Believed } from '../trust/believed.ts';
import type { AcceptedRemote, HandshakeFacts, RemoteQuestion } from '../trust/remote-question.ts';
import type { Shown } from './credentials.ts';
import type { SessionFacts } from './facts.ts';
import type { StartTlsRequest } from './start-tls-request.ts';

/** What the engine tells of the other side, whether it showed a certificate or not. */
export type PeerFacts = Pick<VerifyPeerEvent, 'chain' | 'version' | 'cipher' | 'group'> & {
  readonly ocsp: HandshakeFacts['stapled'];
};

/**
 * The question of who the other side is.
 * @param shown what we show; 'undecided': that is asked for later
 */
export function remoteQuestion(
  request: StartTlsRequest,
  { peerAddress }: SessionFacts,
  peer: PeerFacts,
  serverName: string | undefined,
  shown: Shown | 'undecided' | undefined,
  signal: AbortSignal,
): RemoteQuestion {
  const { role, remoteId, domainRepresentsUser, service, ignoreCaches } = request;
  const handshake: HandshakeFacts = {
    version: peer.version,
    cipher: peer.cipher,
    group: peer.group,
    serverName,
    ownRoles: shown === 'undecided' ? undefined : (shown?.roles ?? []),
    stapled: peer.ocsp,
  };
  return {
    chain: peer.chain,
    mayBeNobody: role === 'server' && request.demand !== 'require',
    remoteRole: role === 'client' ? 'server' : 'client',
    expected: remoteId,
    domainRepresentsUser,
    expressions: shown === 'undecided' ? [] : shown?.expressions,
    service,
    port: role === 'client' ? portOf(peerAddress) : undefined,
    handshake,
    ignoreCaches,
    signal,
  };
}

/** Servers report nobody who is not proven; clients talk to whom they asked for. */
export function believedOf(verdict: AcceptedRemote, role: TlsRole): Believed {
  const { remoteId, proven, validatedBy, names } = verdict;
  const reported = proven || role === 'client' ? remoteId : undefined;
  return {
    remoteId: reported === undefined ? '' : formatDonai(reported),
    proven,
    validatedBy,
    names: names.map(formatDonai),
  };
}

function portOf(address: string): number | undefined {
  const [, port] = /:(\d+)$/.exec(address) ?? [];
  return port === undefined ? undefined : Number(port);
}
