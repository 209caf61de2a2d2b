/**
 * What is done to the own process and its terminal, and Node cannot: locks, limits, a word to a service manager.
 *
 * Failures are errors of the system, with the errno's name as `code`.
 */
import { loadNative } from './native.ts';

interface ProcessFunctions {
  lockFile(path: string): number | undefined;
  forbidDumps(): void;
  raiseFileLimit(): number;
  sendDatagram(path: string, text: string): void;
  readProgram(pid: number): ProcessFacts | undefined;
  parentOf(task: number): number;
  startOf(pid: number): number;
  signalWaits(thread: number): boolean;
  discardInput(fd: number): void;
  keepDescendants(): void;
  killDescendants(...spared: readonly number[]): number;
}

/** A process, as the kernel tells of it: it was alive when the last of it was read. */
export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  /** Clock ticks from the start of the system: with the pid it names the process for good. */
  readonly started: number;
  /** Real, effective, saved and file system ids, in this order. */
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  /** Supplementary groups. */
  readonly groups: readonly number[];
  /** Path; '' if it may not be read. */
  readonly executable: string;
  /** systemd unit of the system; '' if there is none to tell. */
  readonly unit: string;
}

/**
 * The descriptor that holds the lock on a file, which is made if need be; undefined: another process holds it. The
 * kernel gives the lock up when the process ends, however it does.
 */
export function lockFile(path: string): number | undefined {
  return loadNative<ProcessFunctions>().lockFile(path);
}

/** No core of this process is ever written, and other processes of its user cannot read its memory. */
export function forbidDumps(): void {
  loadNative<ProcessFunctions>().forbidDumps();
}

/** Raises the limit of open files as far as this process may, and returns it. */
export function raiseFileLimit(): number {
  return loadNative<ProcessFunctions>().raiseFileLimit();
}

/** Sends a text to a UNIX datagram socket, as in sd_notify(3): a leading `@` names the abstract space. */
export function sendDatagram(path: string, text: string): void {
  loadNative<ProcessFunctions>().sendDatagram(path, text);
}

/** Forgets what was typed at a terminal, but not read yet. */
export function discardInput(fd: number): void {
  loadNative<ProcessFunctions>().discardInput(fd);
}

/** undefined: there is no such process. */
export function readProcess(pid: number): ProcessFacts | undefined {
  return loadNative<ProcessFunctions>().readProgram(pid);
}

/** The process that started a task's process, or took it over; 0 if it is gone, or nobody's child as seen from here. */
export function parentOf(task: number): number {
  return loadNative<ProcessFunctions>().parentOf(task);
}

/** Clock ticks from the start of the system to that of the process, as in `ProcessFacts`; 0 if it is gone. */
export function startOf(pid: number): number {
  return loadNative<ProcessFunctions>().startOf(pid);
}

/** Whether a signal is pending for a thread that it neither blocks nor ignores, or the thread is gone. */
export function signalWaits(thread: number): boolean {
  return loadNative<ProcessFunctions>().signalWaits(thread);
}

/** From now on processes that descend from this one become its children when they lose their parent. */
export function keepDescendants(): void {
  loadNative<ProcessFunctions>().keepDescendants();
}

/**
 * SIGKILL for all that descends from this process, but for children that are spared with what is below them.
 * @param spared eight at most
 * @returns how many there were; until it is none there may be more
 */
export function killDescendants(...spared: readonly number[]): number {
  return loadNative<ProcessFunctions>().killDescendants(...spared);
}
