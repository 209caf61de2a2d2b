import { anonymous } from '../authz/question.ts';
import { formatDonai } from '../identity/donai.ts';
import { isDonai, parseSelector } from '../identity/selector.ts';
import { PosixError } from '../protocol/errors.ts';
import { Admission, isDenial } from './admission.ts';
import type { SessionFacts } from './facts.ts';
import { requireIdentity } from './local-identity.ts';
import type { Services } from './services.ts';

/**
 * Lets a client in that stays in the clear where TLS is optional: as nobody, by the same rules as over TLS. Nothing is opened
 * for it; it leaves a line in the log. @throws PosixError EACCES, ENOENT
 */
export function admitClear(
  services: Services,
  facts: SessionFacts,
  localIds: readonly string[],
): void {
  const { knowledge, credentials, log } = services;
  const admission = new Admission(services, facts);
  const name = localIds.map(parseSelector).find(isDonai);
  if (name === undefined)
    throw closed('a client in the clear names nobody, and no identity is given');
  admission.requireProgram(name);
  const { identity } = requireIdentity(name, (id) => knowledge.localIdentity(id, 'server'));
  // What our identity asks of the other side, nobody meets who proves nothing.
  if (credentials.handles(identity).expressions.length > 0) {
    throw closed(`${formatDonai(name)} has validation expressions, which clear text does not meet`);
  }
  const outcome = admission.decide(name, anonymous);
  if (isDenial(outcome)) throw outcome.error;
  const { id, service, peerAddress: peer, program } = facts;
  const { pid, uid, executable } = program;
  const local = formatDonai(name);
  const who = { service: service || undefined, peer, pid, uid, program: executable || undefined };
  log.info(
    { session: id, role: 'server', ...who, local, decision: outcome.decision },
    'in the clear',
  );
}

function closed(why: string): PosixError {
  return new PosixError('EACCES', why);
}
