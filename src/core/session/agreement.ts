import type { EstablishedEvent } from '../engine/types.ts';
import { formatDonai } from '../identity/donai.ts';
import { readBelieved } from '../trust/believed.ts';
import type { Agreed } from './agreed.ts';
import { commonNameOf } from './common-name.ts';
import type { Negotiating } from './negotiating.ts';

/** What both sides agreed on, before it is decided whether that is allowed. */
export type Known = Omit<Agreed, 'admitted'>;

/** What came out of a handshake that has ended well. */
export function agreedOn(event: EstablishedEvent, phase: Negotiating): Known {
  const { request, myself, serverName } = phase;
  // A resumed session rests on what was believed when it began: the ticket has it.
  const believed = phase.believed ?? readBelieved(event.peerName);
  const { version, cipher, group, alpn, resumed } = event;
  // A resumed session rests on what was shown when it began.
  const shown = myself !== undefined && (event.credential !== 0 || resumed);
  return {
    localId: shown ? formatDonai(myself.name) : '',
    remoteId: believed.remoteId,
    proven: believed.proven,
    validatedBy: believed.validatedBy,
    remoteNames: believed.names,
    madeOnTheFly: shown && myself.made === true,
    domainRepresented: phase.domainRepresented || (resumed && request.domainRepresentsUser),
    version,
    cipher,
    group,
    alpn,
    serverName: serverName ?? '',
    resumed,
    commonName: believed.proven ? commonNameOf(phase.peer?.chain[0] ?? Buffer.alloc(0)) : '',
  };
}
