import { readFileSync } from 'node:fs';
import { formatDonai } from '../identity/donai.ts';
import { digestOf } from './executable-digest.ts';
import {
  allowingCommand,
  describeProgramRule,
  type Program,
  type ProgramDecision,
  type ProgramQuestion,
  type ProgramRules,
} from './program-rule.ts';

/** A decision about a local program, with its reason. */
export interface CheckedProgram {
  readonly allowed: boolean;
  readonly reason: ProgramDecision['reason'];
  readonly rule: { readonly name: string; readonly text: string } | null;
  /** For people. */
  readonly lines: readonly string[];
}

export function explainProgram(rules: ProgramRules, question: ProgramQuestion): CheckedProgram {
  const { allowed, reason, rule } = rules.decide(question);
  const text = rule === undefined ? '' : describeProgramRule(rule);
  const { program, localId } = question;
  const exe = program.executable === '' ? '' : ` with ${program.executable}`;
  const as = localId === undefined ? 'speak TLS' : `act as ${formatDonai(localId)}`;
  const verdict = allowed ? 'allowed' : 'denied';
  const why = {
    'pool-user': 'root and the user of the pool may act as anybody',
    'allowed-by-rule': `rule ${rule?.name} lets it (${text})`,
    'no-rule': `no rule lets it; this one would: ${allowingCommand(question)}`,
  }[reason];
  return {
    allowed,
    reason,
    rule: rule === undefined ? null : { name: rule.name, text },
    lines: [
      `${verdict}: user ${program.uid}${exe} ${allowed ? 'may' : 'may not'} ${as}`,
      `  why     ${why} [${reason}]`,
    ],
  };
}

/** A program that might be run by a user: with all groups that the system's files give that user. */
export function programOfUser(uid: number, executable = ''): Program {
  return {
    pid: 0,
    uid,
    gids: groupsOfUser(uid),
    executable,
    unit: '',
    digest: () => digestOf(executable),
  };
}

function groupsOfUser(uid: number): number[] {
  const account = lines('/etc/passwd').find(([, , number]) => number === String(uid));
  const [name, , , primary] = account ?? [];
  const others = lines('/etc/group').filter(([, , , members]) =>
    members?.split(',').includes(name ?? ''),
  );
  return [primary, ...others.map(([, , gid]) => gid)]
    .filter((gid) => gid !== undefined)
    .map(Number);
}

function lines(path: string): string[][] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
}
