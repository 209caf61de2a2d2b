import { digestOf } from '../authz/executable-digest.ts';
import type { Program } from '../authz/program-rule.ts';
import { type ProcessFacts, readProcess } from '../engine/process.ts';
import type { PeerCredentials } from '../engine/sockets.ts';
import { PosixError } from '../protocol/errors.ts';
import type { ClaimedProcess } from '../protocol/extension.ts';

/** The process at the other end of a connection, as the kernel noted it when that was made. */
export function programOf(peer: PeerCredentials): Program {
  const { pid, uid, gid, groups, executable = '', unit, started } = peer;
  return {
    pid,
    uid,
    gids: [gid, ...groups],
    executable,
    unit,
    digest: () => runningDigest(pid, started),
  };
}

/**
 * The process for which `peer` asks. It is believed of descendants only, and never gives more than the peer has itself:
 * whoever is not privileged asks for processes of its own user and groups alone.
 * @throws PosixError EACCES, ESRCH
 */
export function claimedProgram(
  peer: PeerCredentials,
  claim: ClaimedProcess,
  poolUid: number,
): Program {
  const facts = readProcess(claim.pid);
  if (facts === undefined || facts.started !== claim.started) {
    throw new PosixError('ESRCH', `there is no process ${claim.pid} that started then`);
  }
  if (!descends(facts, peer)) {
    throw new PosixError(
      'EACCES',
      `process ${peer.pid} may not ask for process ${claim.pid}, which does not descend from it`,
    );
  }
  const program = programOfProcess(facts);
  if (peer.uid !== 0 && peer.uid !== poolUid) requireNoMore(peer, facts);
  return program;
}

function programOfProcess(facts: ProcessFacts): Program {
  const { pid, uids, gids, groups, executable, unit, started } = facts;
  const [, uid = -1] = uids;
  const [, gid = -1] = gids;
  const digest = () => runningDigest(pid, started);
  return { pid, uid, gids: [gid, ...groups], executable, unit, digest };
}

/** More ancestors are a loop that changed while we looked. */
const MOST_ANCESTORS = 4096;

/**
 * Pids are reused, but not by processes that are older: an ancestor started before its descendants, or at the same
 * tick, and the peer is known by its start.
 */
function descends({ parent, started }: ProcessFacts, peer: PeerCredentials): boolean {
  let [pid, born] = [parent, started];
  for (let count = 0; pid > 1 && count < MOST_ANCESTORS; count += 1) {
    const ancestor = readProcess(pid);
    if (ancestor === undefined || ancestor.started > born) return false;
    if (ancestor.pid === peer.pid) return ancestor.started === peer.started;
    [pid, born] = [ancestor.parent, ancestor.started];
  }
  return false;
}

/** Else a setuid program, started by anybody, would lend its rights to whoever started it. */
function requireNoMore({ pid, uid, gid, groups }: PeerCredentials, facts: ProcessFacts): void {
  const known = new Set([gid, ...groups]);
  const same =
    facts.uids.every((id) => id === uid) &&
    [...facts.gids, ...facts.groups].every((id) => known.has(id));
  if (same) return;
  throw new PosixError(
    'EACCES',
    `process ${pid} of user ${uid} may not ask for process ${facts.pid}, which has other rights`,
    'Run what asks as root or as the user of the pool.',
  );
}

/** Of what the process runs, whatever is at that path by now; undefined: it cannot be read, or is another process. */
function runningDigest(pid: number, started: number): string | undefined {
  const digest = digestOf(`/proc/${pid}/exe`);
  return started !== 0 && readProcess(pid)?.started === started ? digest : undefined;
}
