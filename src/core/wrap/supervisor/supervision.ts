import { getSystemErrorMap } from 'node:util';
import { EngineEvents } from '../../engine/events.ts';
import { closeFd, socketPair } from '../../engine/sockets.ts';
import type { SupervisorEvent } from '../../engine/types.ts';
import { systemReason, TlspoolError } from '../../errors.ts';
import { type Program, type ProgramOrder, startProgram } from '../program.ts';
import { type HandedOver, handOver, letGo } from './hand-over.ts';
import { nativeSupervisor, type Probe } from './native.ts';
import type { TrapDecisions } from './traps.ts';

/** A program whose system calls about sockets come to us, and whose descendants' do. */
export interface SupervisedProgram extends Program {
  /** Resolves when nothing runs any more that was supervised. */
  readonly over: Promise<void>;
}

export interface SupervisionOptions {
  /** DNS is to pass through us: sendto() is supervised, too. */
  readonly names: boolean;
}

/** ms for the launcher to say something; the machine may be busy, and a launcher that ends is heard of at once. */
const patience = 60_000;

/**
 * Starts a program under supervision; everything that this takes was tried before its first instruction runs. Fails with
 * `cannot-supervise`, which says what the system refuses.
 */
export async function startSupervised(
  order: ProgramOrder,
  decisions: TrapDecisions,
  options: SupervisionOptions,
): Promise<SupervisedProgram> {
  return prepare(order, options, (channel, letGo) => {
    const over = supervise(startSupervisor(channel), decisions);
    letGo();
    return over;
  });
}

/** Tries everything that supervision takes, and runs nothing. Fails as `startSupervised` does. */
export async function trySupervision(order: ProgramOrder): Promise<void> {
  const { ended } = await prepare(order, { names: true }, async (channel) => closeFd(channel));
  await ended;
}

/**
 * Brings a process under the filter, which becomes the program if `use` lets it go.
 * @param use takes over the notification descriptor
 */
async function prepare(
  order: ProgramOrder,
  { names }: SupervisionOptions,
  use: (channel: number, letGo: () => void) => Promise<void>,
): Promise<SupervisedProgram> {
  const native = nativeSupervisor();
  const [ours, theirs] = socketPair();
  try {
    const program = startProgram({ ...order, supervise: theirs });
    closeFd(theirs);
    const handed = await handOver(ours, native.supervisionFilter(names), patience);
    const channel = requireChannel(handed);
    const { pid, fd, address, secret } = handed;
    const failure = native.supervisionProbe(channel, pid, fd, address, secret);
    if (failure) {
      closeFd(channel);
      throw refused(failure);
    }
    return { ...program, over: use(channel, () => letGo(ours)) };
  } finally {
    // Closed without a word, it ends the launcher.
    closeFd(ours);
  }
}

/** @param channel the notification descriptor; taken over */
function startSupervisor(channel: number): number {
  try {
    return nativeSupervisor().supervisionStart(channel);
  } catch (cause) {
    throw new TlspoolError(
      'cannot-supervise',
      `the program cannot be supervised: no thread can be started: ${systemReason(cause)}`,
      { cause, hint: 'See what limits processes and memory: `ulimit -a`, TasksMax of a unit.' },
    );
  }
}

/** Answers what the supervisor asks, until nothing is left to supervise. */
function supervise(supervisor: number, decisions: TrapDecisions): Promise<void> {
  const native = nativeSupervisor();
  const events = EngineEvents.instance();
  const { promise, resolve } = Promise.withResolvers<void>();
  events.hold();
  const deaf = events.onSupervisor((event) => {
    if (event.supervisor !== supervisor) return;
    if (event.kind === 'ended') {
      deaf();
      native.supervisionForget(supervisor);
      events.release();
      resolve();
    } else {
      decide(event, decisions);
    }
  });
  return promise;
}

/** No call may wait for ever: what throws here denies it. */
async function decide(event: SupervisorEvent, decisions: TrapDecisions): Promise<void> {
  const native = nativeSupervisor();
  let answer: object = {};
  try {
    const handler = (decisions as unknown as Readonly<Record<string, Decide>>)[event.kind];
    answer = (await handler?.(event)) ?? answer;
  } finally {
    if (event.question !== undefined) {
      native.answerTrap(event.supervisor, event.question, answer);
    }
  }
}

type Decide = (event: SupervisorEvent) => object | undefined | Promise<object | undefined>;

function requireChannel({ error, channel }: HandedOver): number {
  if (channel !== undefined) return channel;
  throw refused({ capability: 'seccomp user notification', errno: error });
}

function refused({ capability, errno }: Probe): TlspoolError {
  return new TlspoolError(
    'cannot-supervise',
    `the program cannot be supervised: ${capability}: ${explain(capability, errno)}`,
    { hint: 'What works without: --listen, --inetd (tlspool wrap --help)' },
  );
}

function explain(capability: string, errno: number): string {
  const [name = `errno ${errno}`, text = ''] = getSystemErrorMap().get(-errno) ?? [];
  const why = reasons[`${capability} ${name}`];
  return why ?? `${name} ${text}`.trim();
}

const reasons: Readonly<Record<string, string>> = {
  'seccomp user notification EBUSY':
    'it is under the supervision of another program already, such as a wrap around this one',
  'seccomp user notification ENOSYS': 'the kernel has no seccomp filters',
  'SECCOMP_ADDFD_FLAG_SEND EINVAL': 'the kernel is older than 5.14',
};
