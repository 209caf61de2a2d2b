import { type FileHandle, open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { lockFile } from '../engine/process.ts';
import { closeFd } from '../engine/sockets.ts';
import { parseDonai } from '../identity/donai.ts';
import type { Log } from '../telemetry/log.ts';
import type { ReasonCode } from './decision.ts';
import type { Question } from './question.ts';

/** A decision as it was made, with all that it takes to make it again. */
export type DecisionRecord = RemoteRecord | ProgramRecord;

interface AnyRecord {
  /** Of the session. */
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
  readonly allowed: boolean;
  readonly reason: ReasonCode;
  /** Name of the rule that decided. */
  readonly rule: string | null;
  readonly local: string;
}

/** May this remote use this local identity and service? */
export interface RemoteRecord extends AnyRecord {
  readonly about: 'remote';
  /** '' for one that is not proven. */
  readonly remote: string;
  readonly names: readonly string[];
  readonly validatedBy: string;
  readonly groups: readonly string[];
  readonly service: string;
  readonly address: string;
  /** Denied, and let in all the same: the pool only watches. */
  readonly monitored: boolean;
}

/** May this local program act as this local identity? */
export interface ProgramRecord extends AnyRecord {
  readonly about: 'program';
  readonly role: 'client' | 'server';
  readonly pid: number;
  readonly uid: number;
  readonly gids: readonly number[];
  readonly executable: string;
  readonly unit: string;
}

/** Bytes of a file that make it the older one; two are kept. */
const LARGEST = 8 * 1024 * 1024;
/** ms in which decisions are gathered into one write. */
const GATHER = 50;
/** Decisions that wait to be written; a disk that takes no more costs the newest. */
const MOST_WAITING = 20_000;

/** The latest decisions in the state folder, a JSON object a line: `decisions.log`, and `decisions.log.1` before it. */
export class DecisionLog implements AsyncDisposable {
  readonly #path: string;
  readonly #log: Log;
  #waiting: string[] = [];
  #writing: Promise<void> | undefined;
  #failed = false;
  /** Decisions that were not written, and not told of yet. */
  #lost = 0;
  #closing = new AbortController();

  constructor(stateDir: string, log: Log) {
    this.#path = decisionLogPath(stateDir);
    this.#log = log;
  }

  add(record: DecisionRecord): void {
    if (this.#waiting.length >= MOST_WAITING) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push(`${JSON.stringify(record)}\n`);
    this.#writing ??= this.#write();
  }

  /** What was added is written before this resolves. */
  async flush(): Promise<void> {
    this.#closing.abort();
    await this.#writing;
    this.#closing = new AbortController();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush();
  }

  /** One write at a time: what a slow disk does not take waits, and there is an end to that. */
  async #write(): Promise<void> {
    do {
      await pause(GATHER, undefined, { ref: false, signal: this.#closing.signal }).catch(
        () => undefined,
      );
      const lines = this.#waiting;
      this.#waiting = [];
      await this.#append(lines);
    } while (this.#waiting.length > 0);
    this.#writing = undefined;
  }

  async #append(lines: readonly string[]): Promise<void> {
    const path = this.#path;
    try {
      await append(path, lines.join(''));
      this.#failed = false;
    } catch (error) {
      this.#lost += lines.length;
      // Once, not for each of thousands of decisions; the audit lines have them all.
      if (!this.#failed) this.#log.error({ path, err: error }, 'decisions cannot be written');
      this.#failed = true;
      return;
    }
    if (this.#lost === 0) return;
    this.#log.warn({ path, lost: this.#lost }, 'decisions are missing in the decision log');
    this.#lost = 0;
  }
}

/** The latest decisions, oldest first. @param most of them */
export async function readDecisions(stateDir: string, most: number): Promise<DecisionRecord[]> {
  const records: DecisionRecord[] = [];
  await using files = new AsyncDisposableStack();
  for (const file of await openBoth(decisionLogPath(stateDir), files)) {
    for await (const record of readFile(file)) {
      records.push(record);
      if (records.length >= 2 * most) records.splice(0, records.length - most);
    }
  }
  return records.slice(-most);
}

/** The older file and the newer: if that becomes the older one while they are opened, they are opened again. */
async function openBoth(path: string, opened: AsyncDisposableStack): Promise<FileHandle[]> {
  const older = await openFile(`${path}.1`);
  opened.use(older);
  const newer = await openFile(path);
  opened.use(newer);
  const now = await stat(`${path}.1`).catch(noneIfMissing);
  if (now?.ino !== (await older?.stat())?.ino) return openBoth(path, opened);
  return [older, newer].filter((file) => file !== undefined);
}

/** undefined: there is none. */
function openFile(path: string): Promise<FileHandle | undefined> {
  return open(path).catch(noneIfMissing);
}

function noneIfMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** The question that was decided, to be asked again at another moment or under other rules. */
export function questionOf(record: RemoteRecord): Question {
  return {
    remote: {
      id: record.remote === '' ? undefined : parseDonai(record.remote),
      names: record.names.map(parseDonai),
      validatedBy: record.validatedBy,
    },
    localId: parseDonai(record.local),
    service: record.service,
    address: record.address,
    at: Date.parse(record.at),
  };
}

function decisionLogPath(stateDir: string): string {
  return join(stateDir, 'decisions.log');
}

/** Other processes may append to the same file, and may have begun a new one. */
async function append(path: string, text: string): Promise<void> {
  await using file = await open(path, 'a', 0o600);
  await file.appendFile(text);
  const { size, ino } = await file.stat();
  if (size >= LARGEST) await beginAnew(path, ino);
}

/** One process at a time: a second one would put the new file in the place of the one that is full. */
async function beginAnew(path: string, full: number): Promise<void> {
  const lock = lockFile(`${path}.lock`);
  if (lock === undefined) return;
  try {
    const now = await stat(path).catch(noneIfMissing);
    if (now?.ino === full) await rename(path, `${path}.1`);
  } finally {
    closeFd(lock);
  }
}

async function* readFile(file: FileHandle): AsyncIterable<DecisionRecord> {
  for await (const line of file.readLines({ autoClose: false })) {
    const record = readLine(line);
    if (record !== undefined) yield record;
  }
}

/** A process that ended while it wrote leaves half a line. */
function readLine(line: string): DecisionRecord | undefined {
  try {
    return JSON.parse(line) as DecisionRecord;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
