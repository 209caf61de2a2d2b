import type { Authorisation } from '../authz/authorisation.ts';
import type { Decision } from '../authz/decision.ts';
import type { DecisionLog, RemoteRecord } from '../authz/decision-log.ts';
import { allowingCommand, type Program } from '../authz/program-rule.ts';
import type { Question, Remote } from '../authz/question.ts';
import { denialText } from '../authz/words.ts';
import type { AlertName, PeerDemand, TlsRole } from '../engine/types.ts';
import { type Donai, formatDonai, parseDonai } from '../identity/donai.ts';
import { PosixError } from '../protocol/errors.ts';
import { type Log, tells } from '../telemetry/log.ts';
import type { SessionFacts } from './facts.ts';

/** The part of authorisation that sessions need. */
export type Authoriser = Pick<
  Authorisation,
  'decide' | 'demand' | 'groupsOf' | 'mayAct' | 'monitors'
>;

export interface AdmissionParts {
  readonly authorisation: Authoriser;
  readonly decisions: Pick<DecisionLog, 'add'>;
  readonly log: Log;
}

/** What let a remote in. */
export interface Admitted {
  /** To be decided anew when rules change. */
  readonly question: Question;
  readonly groups: readonly string[];
  /** `allowed-by-rule members`, `open`; starting with `monitor`, if it would have been denied. */
  readonly decision: string;
}

/** Why a remote is not let in: what its program is told, and how the remote hears of it. */
export interface Denial {
  readonly error: PosixError;
  readonly alert: AlertName;
}

/** Are you allowed to do this? Each answer is written down. */
export class Admission {
  readonly #parts: AdmissionParts;
  readonly #facts: SessionFacts;

  constructor(parts: AdmissionParts, facts: SessionFacts) {
    this.#parts = parts;
    this.#facts = facts;
  }

  /** May the program act as this local identity? undefined: it shows none. @throws PosixError EACCES */
  requireProgram(localId: Donai | undefined): void {
    requireProgram(this.#parts, this.#facts, localId);
  }

  /** Whether it still may, when the handshake has ended: only a no is written down. @throws PosixError EACCES */
  requireProgramStill(localId: Donai | undefined): void {
    requireProgram(this.#parts, this.#facts, localId, 'again');
  }

  /** What is asked of the remote: what the program wants, or what rules need if that is more. */
  demand(localId: Donai | undefined, wanted: PeerDemand): PeerDemand {
    const { role, service } = this.#facts;
    if (role === 'client' || localId === undefined) return wanted;
    const needed = this.#parts.authorisation.demand(localId, service);
    return strictness.indexOf(needed) > strictness.indexOf(wanted) ? needed : wanted;
  }

  /** May the remote use this local identity and service? */
  decide(localId: Donai, remote: Remote): Admitted | Denial {
    const { authorisation, decisions } = this.#parts;
    const { id, service, peerAddress } = this.#facts;
    const at = Date.now();
    const question: Question = { remote, localId, service, address: peerAddress, at };
    const decision = authorisation.decide(question);
    const groups = authorisation.groupsOf(remote);
    const { allowed, reason, rule } = decision;
    const monitored = !allowed && authorisation.monitors;
    const record: RemoteRecord = {
      id,
      at: new Date(at).toISOString(),
      about: 'remote',
      allowed,
      reason,
      rule: rule?.name ?? null,
      local: formatDonai(localId),
      remote: remote.id === undefined ? '' : formatDonai(remote.id),
      names: remote.names.map(formatDonai),
      validatedBy: remote.validatedBy,
      groups,
      service,
      address: peerAddress,
      monitored,
    };
    decisions.add(record);
    this.#tell(record);
    if (!allowed && !monitored) return denial(decision, question);
    return { question, groups, decision: `${monitored ? 'monitor ' : ''}${spelled(decision)}` };
  }

  #tell(record: RemoteRecord): void {
    const { log } = this.#parts;
    const ordinary = record.allowed && record.reason === 'open';
    if (ordinary && !tells(log, 'debug')) return;
    const { names: _names, at: _at, about: _about, allowed, id, ...rest } = record;
    const { pid, uid, executable } = this.#facts.program;
    const fields = { session: id, ...rest, pid, uid, program: executable || undefined };
    if (rest.monitored) log.warn(fields, 'would be denied');
    else if (!allowed) log.info(fields, 'denied');
    else if (ordinary) log.debug(fields, 'allowed');
    else log.info(fields, 'allowed');
  }
}

/** @param asked `again`: a yes is known already @throws PosixError EACCES */
export function requireProgram(
  { authorisation, decisions, log }: AdmissionParts,
  facts: Pick<SessionFacts, 'id' | 'role' | 'program' | 'asking'>,
  localId: Donai | undefined,
  asked: 'first' | 'again' = 'first',
): void {
  const { id, role } = facts;
  const program = localId === undefined ? (facts.asking ?? facts.program) : facts.program;
  const at = Date.now();
  const question = { program, localId, role, at };
  const { allowed, reason, rule } = authorisation.mayAct(question);
  if (reason === 'pool-user' || (allowed && asked === 'again')) return;
  const local = localId === undefined ? '' : formatDonai(localId);
  const { pid, uid, gids, executable, unit } = program;
  const outcome = { allowed, reason, rule: rule?.name ?? null, local, role };
  const who = { pid, uid, gids, executable, unit };
  decisions.add({ id, at: new Date(at).toISOString(), about: 'program', ...outcome, ...who });
  log.info({ session: id, ...outcome, ...who }, allowed ? 'program allowed' : 'program denied');
  if (allowed) return;
  throw refusedProgram(program, role, localId, allowingCommand(question));
}

export function isDenial(outcome: Admitted | Denial): outcome is Denial {
  return 'alert' in outcome;
}

/** A remote as the session knows it. */
export function remoteOf(known: {
  readonly remoteId: string;
  readonly proven: boolean;
  readonly remoteNames: readonly string[];
  readonly validatedBy: string;
}): Remote {
  const { remoteId, proven, remoteNames, validatedBy } = known;
  return {
    id: proven && remoteId !== '' ? parseDonai(remoteId) : undefined,
    names: remoteNames.map(parseDonai),
    validatedBy,
  };
}

const strictness: readonly PeerDemand[] = ['ignore', 'request', 'require'];

function refusedProgram(
  { uid }: Program,
  role: TlsRole,
  localId: Donai | undefined,
  command: string,
): PosixError {
  const what = localId === undefined ? `speak TLS as a ${role}` : `act as ${formatDonai(localId)}`;
  return new PosixError('EACCES', `user ${uid} may not ${what}`, command);
}

/** A certificate is missing, or was looked at and is not enough (RFC 8446 section 6.2). */
function denial(decision: Decision, question: Question): Denial {
  const nobody = question.remote.id === undefined && question.remote.names.length === 0;
  return {
    error: new PosixError('EACCES', `${decision.reason}: ${denialText(decision, question)}`),
    alert: nobody ? 'certificate_required' : 'access_denied',
  };
}

function spelled({ reason, rule }: Decision): string {
  return rule === undefined ? reason : `${reason} ${rule.name}`;
}
