import type { Counters, TlsRole } from '../engine/types.ts';
import type { Session } from '../session/session.ts';

/** A session as people see it: nothing here lets anyone act on it but by its id, over the administration socket. */
export interface SessionView {
  readonly id: string;
  readonly role: TlsRole;
  readonly state: 'handshake' | 'running';
  /** Whether it belongs to a connection; a detached one can be taken up by whoever has its key. */
  readonly attached: boolean;
  readonly localId: string;
  readonly remoteId: string;
  /** What let the remote in: `allowed-by-rule NAME`, `open`; '' where we are the client. */
  readonly decision: string;
  /** Groups that the remote is in. */
  readonly groups: readonly string[];
  readonly service: string;
  /** The other side's address; '' if there is none to tell. */
  readonly peer: string;
  /** What a server has for it, such as the tunnel's own end; '' if that is no TCP connection. */
  readonly shownAs: string;
  readonly program: { readonly pid: number; readonly uid: number; readonly executable: string };
  readonly version: string;
  readonly cipher: string;
  /** Key exchange; X25519MLKEM768 is post-quantum. */
  readonly group: string;
  readonly alpn: string;
  readonly resumed: boolean;
  /** From and to the other side. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Datagrams that were not taken, of DTLS. */
  readonly lostIn: number;
  readonly lostOut: number;
  /** ISO 8601. */
  readonly openedAt: string;
}

export function viewSession(
  session: Session,
  attached: boolean,
  counters: (engineId: number) => Counters,
): SessionView {
  const { id, role, service, peerAddress, openedAt, program } = session.facts;
  const { running, agreed } = session;
  const counted = running && counters(running.engineId);
  return {
    id,
    role,
    state: running === undefined ? 'handshake' : 'running',
    attached,
    localId: agreed?.localId ?? '',
    remoteId: agreed?.remoteId ?? '',
    decision: agreed?.admitted?.decision ?? '',
    groups: agreed?.admitted?.groups ?? [],
    service,
    peer: peerAddress,
    shownAs: running?.shownAs ?? '',
    program: { pid: program.pid, uid: program.uid, executable: program.executable },
    version: agreed?.version ?? '',
    cipher: agreed?.cipher ?? '',
    group: agreed?.group ?? '',
    alpn: agreed?.alpn ?? '',
    resumed: agreed?.resumed ?? false,
    bytesIn: counted?.bytesIn ?? 0,
    bytesOut: counted?.bytesOut ?? 0,
    lostIn: counted?.lostIn ?? 0,
    lostOut: counted?.lostOut ?? 0,
    openedAt: new Date(openedAt).toISOString(),
  };
}
