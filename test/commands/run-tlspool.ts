import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { entry } from '../built.ts';

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built program from outside, with nothing on stdin, away from any pool of this machine. */
export async function tlspool(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Outcome> {
  return outcomeOf(process.execPath, [entry, ...args], environment);
}

export async function outcomeOf(
  file: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Outcome> {
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // No command that is tested takes this long.
    timeout: 120_000,
    killSignal: 'SIGKILL',
    env: { ...process.env, ...nowhere, ...environment },
  });
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  return { code, signal, stdout, stderr };
}

/** Where there is nothing. */
const nowhere = {
  TLSPOOL_SOCKET: '/nonexistent/tlspool.sock',
  TLSPOOL_STATE_DIR: '/nonexistent/state',
  TLSPOOL_CONFIG_FILE: '/dev/null',
};
