import { constants } from 'node:os';
import { execa } from 'execa';
import { TlspoolError } from '../errors.ts';
import { originalFileLimit } from './file-limit.ts';

/** How a program is started. */
export interface ProgramOrder {
  readonly launcher: string;
  readonly command: readonly string[];
  /** The whole environment; LISTEN_… variables in it are replaced or removed. */
  readonly environment: NodeJS.ProcessEnv;
  /** Sockets that it listens on, from descriptor 3, with their names. */
  readonly listeners?: readonly { readonly fd: number; readonly name: string }[];
  /** One socket as both its stdin and stdout; without it the program keeps ours. */
  readonly socket?: number;
  /** A socket on which the program comes under supervision before it starts (supervisor/hand-over.ts). */
  readonly supervise?: number;
  /** Whom it runs as; undefined: whoever we are. Needs root. */
  readonly user?: string | undefined;
  readonly group?: string | undefined;
}

/** A program that runs. The descriptors given to it stay the caller's to close. */
export interface Program {
  readonly pid: number | undefined;
  /** What wrap's exit code is to be: the program's, or 128 + n when signal n ended it. */
  readonly ended: Promise<number>;
  signal(name: NodeJS.Signals): void;
}

/** Ends with the process that started it: SIGTERM, sent by the kernel even after a SIGKILL of ours. */
export function startProgram(order: ProgramOrder): Program {
  const passed = (order.listeners ?? []).map(({ fd }) => fd);
  if (order.supervise !== undefined) passed.push(order.supervise);
  const subprocess = execa(order.launcher, [...launcherOptions(order), ...order.command], {
    env: order.environment,
    extendEnv: false,
    stdio: [
      descriptor(order.socket),
      descriptor(order.socket),
      'inherit',
      ...passed.map((fd) => ({ value: descriptor(fd), input: true })),
    ],
    buffer: false,
    reject: false,
    cleanup: false,
    forceKillAfterDelay: false,
  });
  return {
    pid: subprocess.pid,
    ended: subprocess.then(exitCode),
    signal: (name) => {
      subprocess.kill(name);
    },
  };
}

/** Any descriptor will do, but execa's types know only the numbers up to 9. */
function descriptor(fd: number | undefined): 'inherit' | 3 {
  return fd === undefined ? 'inherit' : (fd as 3);
}

function launcherOptions({ listeners = [], supervise, user, group }: ProgramOrder): string[] {
  const options = ['--parent', String(process.pid)];
  const files = originalFileLimit();
  if (files !== undefined) options.push('--nofile', String(files));
  if (user !== undefined) options.push('--user', user);
  if (group !== undefined) options.push('--group', group);
  if (supervise !== undefined) options.push('--supervise', String(3 + listeners.length));
  if (listeners.length > 0) {
    const names = listeners.map(({ name }) => name).join(':');
    options.push('--listen-fds', String(listeners.length), '--fdnames', names);
  }
  return [...options, '--'];
}

interface Ended {
  readonly exitCode?: number | undefined;
  readonly signal?: NodeJS.Signals | undefined;
  readonly cause?: unknown;
}

function exitCode({ exitCode: code, signal, cause }: Ended): number {
  if (code !== undefined) return code;
  if (signal !== undefined) return 128 + constants.signals[signal];
  const why = cause instanceof Error ? cause.message : String(cause);
  throw new TlspoolError('launcher-failed', `the launcher cannot be started: ${why}`, {
    hint: 'Build it: npm run build',
    exit: 125,
    cause,
  });
}
