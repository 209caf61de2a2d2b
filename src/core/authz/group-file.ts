import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { systemReason } from '../errors.ts';
import type { GroupMembers } from './group.ts';
import { RuleError } from './rule-error.ts';
import { type Member, parseMember } from './who.ts';

/** Bytes; more is no list of people. */
const LARGEST = 32 * 1024 * 1024;

/**
 * The members that a file lists, one a line; `#` starts a comment. What cannot be read leaves a gap: those that are
 * listed are members for certain, others may be.
 */
export async function readGroupFile(group: string, path: string): Promise<GroupMembers> {
  let text: string;
  try {
    text = await readText(path);
  } catch (error) {
    return { group, members: [], gap: gapOf(group, path, systemReason(error)) };
  }
  const { members, faults } = parseMembers(text);
  const [fault] = faults;
  if (fault === undefined) return { group, members, gap: undefined };
  return { group, members, gap: gapOf(group, `${path}:${fault.line}`, fault.message) };
}

export interface MemberFault {
  readonly line: number;
  readonly message: string;
}

export function parseMembers(text: string): {
  readonly members: Member[];
  readonly faults: MemberFault[];
} {
  const members: Member[] = [];
  const faults: MemberFault[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const word = line.replace(/(?:^|\s)#.*/, '').trim();
    if (word === '') continue;
    try {
      members.push(parseMember(word));
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      faults.push({ line: index + 1, message: error.message });
    }
  }
  return { members, faults };
}

/** @throws RuleError */
export function requireAbsolute(path: string): string {
  if (isAbsolute(path)) return path;
  throw new RuleError(`the daemon reads ${path} too: name it by its whole path`);
}

async function readText(path: string): Promise<string> {
  // Nobody is waited for: a pipe is no list of people, nor is a device that never ends.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const stats = await file.stat();
  if (!stats.isFile()) throw new Error('it is no file');
  if (stats.size > LARGEST) throw new Error(`it has more than ${LARGEST} bytes`);
  return await file.readFile('utf8');
}

function gapOf(group: string, place: string, message: string) {
  return { group, reason: 'stale' as const, text: `${place} cannot be read: ${message}` };
}
