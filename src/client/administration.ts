import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { resolvePaths } from '../core/config/paths.ts';
import { TlspoolError } from '../core/errors.ts';
import type { AdministrationRequest, PoolStatus } from '../core/server/administration.ts';
import type { SessionView } from '../core/server/session-view.ts';
import { noDaemon } from './errors.ts';

/** ms for the pool to say anything at all. */
const PATIENCE = 10_000;

export interface AdministrationOptions {
  /** The pool's socket, as for `connect`; the administration socket stands beside it. */
  readonly socket?: string | undefined;
}

/** What the pool is doing. @throws TlspoolError `no-daemon` (exit code 3), `EACCES` */
export async function status(options: AdministrationOptions = {}): Promise<PoolStatus> {
  for await (const answer of ask({ do: 'status' }, options)) return answer as PoolStatus;
  throw cutShort();
}

/** The pool's sessions, one after the other. */
export async function* sessions(options: AdministrationOptions = {}): AsyncIterable<SessionView> {
  for await (const answer of ask({ do: 'sessions' }, options)) {
    if ('end' in answer) return;
    yield (answer as { session: SessionView }).session;
  }
  throw cutShort();
}

/** Ends a session: delivers what is there first, unless `abort`. @throws TlspoolError `no-session` */
export async function closeSession(
  session: string,
  options: AdministrationOptions & { readonly abort?: boolean } = {},
): Promise<void> {
  const request = { do: 'close', session, abort: options.abort === true } as const;
  for await (const _answer of ask(request, options)) return;
  throw cutShort();
}

async function* ask(
  request: AdministrationRequest,
  options: AdministrationOptions,
): AsyncIterable<object> {
  const socket = await open(options.socket ?? defaultSocket());
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    for await (const line of createInterface({ input: socket })) {
      const answer = JSON.parse(line) as object;
      if ('error' in answer) throw failureOf(answer.error as WrittenError);
      yield answer;
    }
  } finally {
    socket.destroy();
  }
}

async function open(path: string): Promise<Socket> {
  const socket = connect(`${path}.admin`);
  try {
    await once(socket, 'connect');
  } catch (error) {
    throw noDaemon(path, error);
  }
  socket.setTimeout(PATIENCE, () => socket.destroy());
  return socket;
}

interface WrittenError {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
}

function failureOf({ code, message, hint }: WrittenError): TlspoolError {
  return new TlspoolError(code, message, { hint: hint ?? undefined });
}

function cutShort(): TlspoolError {
  return new TlspoolError('no-daemon', 'the pool went before it had answered', { exit: 3 });
}

function defaultSocket(): string {
  return resolvePaths({}, process.env, process.geteuid?.() ?? -1).socket;
}
