import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { resolvePaths } from '../core/config/paths.ts';
import { TlspoolError } from '../core/errors.ts';
import type {
  AdministrationRequest,
  ChoiceStatus,
  PinStatus,
  PoolStatus,
} from '../core/server/administration-messages.ts';
import type { ReviewedSession } from '../core/server/review.ts';
import type { SessionView } from '../core/server/session-view.ts';
import type { TouchView } from '../core/server/touches.ts';
import type { Shown } from '../core/store/review-wishes.ts';
import { noAdministration } from './errors.ts';

/** ms for the pool to say anything at all. */
const PATIENCE = 10_000;

export interface AdministrationOptions {
  /** The pool's socket, as for `connect`; the administration socket stands beside it. */
  readonly socket?: string | undefined;
}

/** What the pool is doing. @throws TlspoolError `no-daemon` (exit code 3), `EACCES` */
export function status(options: AdministrationOptions = {}): Promise<PoolStatus> {
  return askOnce({ do: 'status' }, options);
}

/** The pool's sessions, one after the other. */
export async function* sessions(options: AdministrationOptions = {}): AsyncIterable<SessionView> {
  for await (const answer of ask({ do: 'sessions' }, options)) {
    if ('end' in answer) return;
    yield (answer as { session: SessionView }).session;
  }
  throw cutShort();
}

/** Open sessions that would not be allowed if they began now; `apply` ends them. */
export async function* reviewSessions(
  options: AdministrationOptions & { readonly apply?: boolean } = {},
): AsyncIterable<ReviewedSession> {
  for await (const answer of ask({ do: 'review', apply: options.apply === true }, options)) {
    if ('end' in answer) return;
    yield (answer as { session: ReviewedSession }).session;
  }
  throw cutShort();
}

/** Ends the sessions in which the other side showed what is distrusted; their names, one after the other. */
export async function* endSessionsShowing(
  { kind, value }: Shown,
  options: AdministrationOptions = {},
): AsyncIterable<string> {
  for await (const answer of ask({ do: 'end-shown', kind, value }, { patience: 0, ...options })) {
    if ('end' in answer) return;
    yield (answer as { ended: string }).ended;
  }
  throw cutShort();
}

/** Ends a session: delivers what is there first, unless `abort`. @throws TlspoolError `no-session` */
export async function closeSession(
  session: string,
  options: AdministrationOptions & { readonly abort?: boolean } = {},
): Promise<void> {
  const request = { do: 'close', session, abort: options.abort === true } as const;
  await askOnce(request, options);
}

/** Who asks people for PINs, and what they are asked. @param own of this process's own seat, which members of `seat_group` may read */
export function pins(
  options: AdministrationOptions & { readonly own?: boolean } = {},
): Promise<PinStatus> {
  return askOnce({ do: options.own === true ? 'my-pins' : 'pins' }, options);
}

/**
 * Tokens of the pool that begin, or end, to wait for a person's touch, for as long as this process has the seat of PINs.
 * @param signal ends it
 */
export async function* touches({
  socket,
  signal,
}: AdministrationOptions & { readonly signal: AbortSignal }): AsyncIterable<TouchView> {
  for await (const answer of ask({ do: 'my-touches' }, { socket, signal, patience: 0 })) {
    if ('end' in answer) return;
    yield (answer as { touch: TouchView }).touch;
  }
}

/** Who has people choose identities, and what they are to choose. @param own as for `pins` */
export function choices(
  options: AdministrationOptions & { readonly own?: boolean } = {},
): Promise<ChoiceStatus> {
  return askOnce({ do: options.own === true ? 'my-choices' : 'choices' }, options);
}

/**
 * Has the program in the seat ask for the PIN of a token; resolves when we are logged in.
 * @param token label or `pkcs11:` URI
 * @throws TlspoolError `no-seat`, `pin-declined`, `wrong-pin` and others
 */
export async function enterPin(token: string, options: AdministrationOptions = {}): Promise<void> {
  await askOnce({ do: 'enter-pin', token }, { ...options, patience: 0 });
}

/** Logs out of a token when its signatures are done. @param token label or `pkcs11:` URI */
export async function lockToken(token: string, options: AdministrationOptions = {}): Promise<void> {
  await askOnce({ do: 'lock-token', token }, { ...options, patience: 0 });
}

async function askOnce<Result>(request: AdministrationRequest, options: Asking): Promise<Result> {
  for await (const answer of ask(request, options)) return answer as Result;
  throw cutShort();
}

interface Asking extends AdministrationOptions {
  /** ms for an answer; 0: it takes as long as it takes. */
  readonly patience?: number;
  /** Hangs up. */
  readonly signal?: AbortSignal;
}

async function* ask(request: AdministrationRequest, options: Asking): AsyncIterable<object> {
  const socket = await open(options.socket ?? defaultSocket(), options.patience ?? PATIENCE);
  const hangUp = () => socket.destroy();
  options.signal?.addEventListener('abort', hangUp, { once: true });
  if (options.signal?.aborted === true) hangUp();
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    for await (const line of createInterface({ input: socket })) {
      const answer = JSON.parse(line) as object;
      if ('error' in answer) throw failureOf(answer.error as WrittenError);
      yield answer;
    }
  } finally {
    options.signal?.removeEventListener('abort', hangUp);
    socket.destroy();
  }
}

async function open(path: string, patience: number): Promise<Socket> {
  const socket = connect(`${path}.admin`);
  try {
    await once(socket, 'connect');
  } catch (error) {
    throw noAdministration(path, error);
  }
  socket.setTimeout(patience, () => socket.destroy());
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
