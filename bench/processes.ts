import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { getPriority } from 'node:os';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process that the benchmark started, the head of a process group of its own. */
export interface Started {
  readonly pid: number;
  readonly child: ChildProcess;
}

export interface StartOptions {
  /** stdout and stderr go here. */
  readonly log: string;
  readonly environment?: Readonly<Record<string, string>>;
}

const started = new Set<Started>();
const TERM_PATIENCE = 3_000;

/** Starts a program that runs until it is stopped. */
export function start(command: readonly string[], options: StartOptions): Started {
  const log = openSync(options.log, 'a');
  try {
    return startWith(command, ['ignore', log, log], options.environment);
  } finally {
    closeSync(log);
  }
}

/** Like `start`; the benchmark holds stdin and stdout. */
export function startPiped(command: readonly string[]): Started {
  return startWith(command, ['pipe', 'pipe', 'inherit']);
}

/**
 * Everything that the benchmark starts is the head of a process group of its own: Ctrl-C reaches the
 * benchmark alone, which then ends its processes, and what they started, in good order.
 */
function startWith(
  command: readonly string[],
  stdio: StdioOptions,
  environment: Readonly<Record<string, string>> = {},
): Started {
  const [file, ...args] = command;
  if (file === undefined) throw new Error('There is no command to start');
  const child = spawn(file, args, {
    detached: true,
    stdio,
    env: { ...process.env, ...environment },
  });
  // 'error' follows as well when there is no pid; the caller is told here, once.
  child.once('error', () => {});
  if (child.pid === undefined) throw new Error(`${file} cannot be started: is it installed?`);
  sharePriority(child.pid);
  const entry: Started = { pid: child.pid, child };
  started.add(entry);
  return entry;
}

/**
 * Where the kernel schedules by session (sched(7), "The autogroup feature"), a niceness counts within a session only:
 * for that of the benchmark to hold, the session of what it starts needs it, too.
 */
export function sharePriority(pid: number): void {
  const priority = getPriority();
  if (priority === 0) return;
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(priority));
  } catch (error) {
    // No such feature, the program has ended, or we may not.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}

/** Ends a process and its group: SIGTERM, and SIGKILL if that is not heeded. */
export async function stop(entry: Started): Promise<void> {
  const groupEnded = async (patience: number): Promise<boolean> => {
    for (const end = Date.now() + patience; Date.now() < end; await sleep(10))
      if (!signalGroup(entry.pid, 0)) return true;
    return false;
  };
  signalGroup(entry.pid, 'SIGTERM');
  if (!(await groupEnded(TERM_PATIENCE))) {
    signalGroup(entry.pid, 'SIGKILL');
    await groupEnded(TERM_PATIENCE);
  }
  started.delete(entry);
}

/** Ends everything that is still running, the youngest first. */
export async function stopAll(): Promise<void> {
  for (const entry of [...started].reverse()) await stop(entry);
}

/** The last resort of an ending process, where nothing can be awaited. */
export function killAll(): void {
  for (const entry of started) signalGroup(entry.pid, 'SIGKILL');
}

export function isRunning(entry: Started): boolean {
  return entry.child.exitCode === null && entry.child.signalCode === null;
}

/** False if nobody is left in the group. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Runs a program to its end; rejects, with what it said on stderr, if that is not 0. */
export async function run(
  command: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ stdout: string; stderr: string }> {
  const entry = startWith(command, ['ignore', 'pipe', 'pipe'], environment);
  const { stdout, stderr } = entry.child;
  if (stdout === null || stderr === null) throw new Error('A child without the pipes asked for');
  const [said, complained, [code, signal]] = await Promise.all([
    text(stdout),
    text(stderr),
    once(entry.child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  started.delete(entry);
  if (code === 0) return { stdout: said, stderr: complained };
  throw new Error(`${command.join(' ')} ended with ${signal ?? code}: ${complained.trim()}`);
}

/** Waits until something accepts connections at 127.0.0.1:`port`, or at a UNIX socket. */
export async function untilAccepting(at: number | string, by: Started, log: string): Promise<void> {
  const patience = 15_000;
  for (const end = Date.now() + patience; Date.now() < end; await sleep(20)) {
    if (!isRunning(by)) break;
    if (await accepts(at)) return;
  }
  throw new Error(`Nothing accepts connections at ${at}; the program said:\n${tail(log)}`);
}

function accepts(at: number | string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = typeof at === 'number' ? connect(at, '127.0.0.1') : connect(at);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

export function tail(log: string): string {
  return readFileSync(log, 'utf8').split('\n').slice(-12).join('\n');
}

/** A process and all its descendants. */
export function processTree(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')
      .split(' ')
      .filter(Boolean)
      .map(Number),
  );
  return [pid, ...children.flatMap(processTree)];
}

/**
 * KiB of memory that these processes have to themselves, plus their share of what they share. A process
 * that guards its memory (PR_SET_DUMPABLE), as tlspool's daemon does, lets only root look.
 */
export function proportionalSetSize(pids: readonly number[]): number {
  let total = 0;
  for (const pid of pids) {
    const size = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
    if (size === undefined) throw new Error(`/proc/${pid}/smaps_rollup shows no Pss`);
    total += Number(size);
  }
  return total;
}

/** CPU seconds that each live thread of a process has used, with the thread's name. */
export function threadTimes(pid: number): { thread: string; seconds: number }[] {
  return readdirSync(`/proc/${pid}/task`).map((id) => {
    const [nanoseconds] = readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ');
    const thread = readFileSync(`/proc/${pid}/task/${id}/comm`, 'utf8').trim();
    return { thread, seconds: Number(nanoseconds) / 1e9 };
  });
}
