import { spawn } from 'node:child_process';
import { systemReason, TlspoolError } from '../errors.ts';

/** Longer output is no PIN. */
const LONGEST = 4096;

interface Ran {
  readonly code: number;
  readonly secret: Buffer;
  /** The beginning of what it said on stderr, in English. */
  readonly complaint: string;
}

/** Runs a program and takes what it writes for a secret: in buffers that are wiped, but for the result. */
export function runForSecret(
  file: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<Ran> {
  const { promise, resolve, reject } = Promise.withResolvers<Ran>();
  const secret = Buffer.alloc(LONGEST);
  let length = 0;
  let complaint = '';
  const env = { ...process.env, LC_ALL: 'C.UTF-8' };
  const child = spawn(file, args, { stdio: ['inherit', 'pipe', 'pipe'], signal, env });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = `${complaint}${text}`.slice(0, LONGEST);
  });
  child.stdout.on('data', (chunk: Buffer) => {
    length += chunk.copy(secret, length);
    chunk.fill(0);
  });
  child.on('error', (cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ABORT_ERR') return;
    secret.fill(0);
    reject(
      new TlspoolError('no-pin', `cannot run ${file}: ${systemReason(cause)}`, {
        cause,
        hint: 'Is it installed?',
      }),
    );
  });
  child.on('close', (code) =>
    resolve({ code: code ?? 1, secret: secret.subarray(0, length), complaint: complaint.trim() }),
  );
  return promise;
}
