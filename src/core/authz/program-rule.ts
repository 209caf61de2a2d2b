import type { TlsRole } from '../engine/types.ts';
import { type Donai, formatDonai } from '../identity/donai.ts';
import { formatSelector, matches, type Selector } from '../identity/selector.ts';
import { type Authored, quoted } from './rule.ts';

/** A local program may act as local identities. What is undefined makes no difference. */
export interface ProgramRule extends Authored {
  readonly name: string;
  readonly as: Selector;
  readonly role: TlsRole | undefined;
  /** The rule is for a user or for a group; all else only narrows it. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly executable: string | undefined;
  /** SHA-256 of the executable, lower-case hexadecimal. */
  readonly digest: string | undefined;
  /** systemd unit. */
  readonly unit: string | undefined;
  /** Epoch ms. */
  readonly expires: number | undefined;
}

/** A local process, as the kernel tells of it. */
export interface Program {
  readonly pid: number;
  readonly uid: number;
  /** Its own and its supplementary groups. */
  readonly gids: readonly number[];
  /** Path; '' if it cannot be read. */
  readonly executable: string;
  /** systemd unit; '' if there is none to tell. */
  readonly unit: string;
  /** SHA-256 of the executable, computed when a rule asks for it; undefined: it cannot be read. */
  readonly digest: () => string | undefined;
}

/** What a program wants to be. */
export interface ProgramQuestion {
  readonly program: Program;
  /** undefined: it shows nothing, and only speaks TLS through the pool. */
  readonly localId: Donai | undefined;
  readonly role: TlsRole;
  /** Epoch ms. */
  readonly at: number;
}

export interface ProgramDecision {
  readonly allowed: boolean;
  readonly reason: 'pool-user' | 'allowed-by-rule' | 'no-rule';
  readonly rule: ProgramRule | undefined;
}

/** Rules for programs, found by the user and the groups of the one that asks. */
export class ProgramRules {
  readonly #byUid = new Map<number, ProgramRule[]>();
  readonly #byGid = new Map<number, ProgramRule[]>();
  readonly #poolUid: number;

  /** @param poolUid the daemon's own user, who may act as anybody, like root */
  constructor(rules: readonly ProgramRule[], poolUid: number) {
    this.#poolUid = poolUid;
    for (const rule of rules) {
      if (rule.uid !== undefined) append(this.#byUid, rule.uid, rule);
      else if (rule.gid !== undefined) append(this.#byGid, rule.gid, rule);
    }
  }

  decide(question: ProgramQuestion): ProgramDecision {
    const { program } = question;
    if (program.uid === 0 || program.uid === this.#poolUid) {
      return { allowed: true, reason: 'pool-user', rule: undefined };
    }
    for (const rule of this.#for(program)) {
      if (applies(rule, question)) return { allowed: true, reason: 'allowed-by-rule', rule };
    }
    return { allowed: false, reason: 'no-rule', rule: undefined };
  }

  *#for({ uid, gids }: Program): Iterable<ProgramRule> {
    yield* this.#byUid.get(uid) ?? [];
    for (const gid of gids) {
      for (const rule of this.#byGid.get(gid) ?? []) yield rule;
    }
  }
}

/** What the rule says, as a command would. */
export function describeProgramRule(rule: ProgramRule): string {
  const { as, role, uid, gid, executable, digest, unit, expires } = rule;
  const parts = ['allow-program'];
  if (uid !== undefined) parts.push(`--user ${uid}`);
  if (gid !== undefined) parts.push(`--group ${gid}`);
  if (executable !== undefined) parts.push(`--exe ${quoted(executable)}`);
  if (digest !== undefined) parts.push(`--digest ${digest}`);
  if (unit !== undefined) parts.push(`--unit ${quoted(unit)}`);
  parts.push(`--as ${formatSelector(as)}`);
  if (role !== undefined) parts.push(`--role ${role}`);
  if (expires !== undefined) parts.push(`--expires ${new Date(expires).toISOString()}`);
  return parts.join(' ');
}

/** The command that would allow it. */
export function allowingCommand({ program, localId }: ProgramQuestion): string {
  const as = localId === undefined ? 'LOCALID' : formatDonai(localId);
  return `tlspool authz allow-program --user ${program.uid} --as ${as}`;
}

/** A rule for a user: a digest is computed last, and only if nothing else stands in the way. */
function applies(rule: ProgramRule, { program, localId, role, at }: ProgramQuestion): boolean {
  const { uid, gid, executable, digest, unit, expires } = rule;
  if (expires !== undefined && at >= expires) return false;
  if (uid !== undefined && uid !== program.uid) return false;
  if (gid !== undefined && !program.gids.includes(gid)) return false;
  // Who shows nothing acts as nobody: it takes a rule of its own user, for whomever.
  if (localId !== undefined && !matches(rule.as, localId)) return false;
  if (localId !== undefined && rule.role !== undefined && rule.role !== role) return false;
  if (executable !== undefined && executable !== program.executable) return false;
  if (unit !== undefined && unit !== program.unit) return false;
  return digest === undefined || digest === program.digest();
}

function append(map: Map<number, ProgramRule[]>, key: number, rule: ProgramRule): void {
  const rules = map.get(key) ?? [];
  rules.push(rule);
  map.set(key, rules);
}
