import type { SessionId } from '../engine/types.ts';
import { PoolError } from '../protocol/errors.ts';
import { type InfoKind, infoKindOf, LONGEST_VALUE, TELL_VALUE } from '../protocol/info.ts';
import type { Info, Prng } from '../protocol/message.ts';
import { readPrngRequest, writePrngAnswer } from '../protocol/prng.ts';
import type { Agreed } from './agreed.ts';
import { certificateNames } from './certificate-names.ts';
import { isExporterLabel } from './exporter-labels.ts';
import type { SessionEngine } from './services.ts';

/** @throws PoolError PRNG_UNAVAILABLE, MalformedMessage */
export async function answerPrng(
  engine: SessionEngine,
  session: SessionId,
  message: Prng,
): Promise<Prng> {
  const { label, context, length } = readPrngRequest(message);
  if (!isExporterLabel(label)) {
    throw new PoolError(
      'PRNG_UNAVAILABLE',
      'the label is no exporter label of IANA, nor does it start with EXPERIMENTAL',
    );
  }
  if (length === 0) return writePrngAnswer(Buffer.alloc(0));
  try {
    return writePrngAnswer(await engine.exporter(session, label, context, length));
  } catch (error) {
    throw new PoolError('PRNG_UNAVAILABLE', `no keying material: ${(error as Error).message}`);
  }
}

/** A session that data flows in. */
export interface RunningSession {
  readonly engineId: SessionId;
  readonly agreed: Agreed;
  /** Where the program, a server, sees its client; '' if that is no TCP connection. */
  readonly shownAs: string;
}

/** Tells a value, or compares one. @throws PoolError INFOKIND_UNKNOWN, INFO_NOT_FOUND */
export async function answerInfo(
  engine: SessionEngine,
  { engineId, agreed }: RunningSession,
  message: Info,
): Promise<Info> {
  const kind = infoKindOf(message.kind);
  if (kind === undefined) {
    throw new PoolError(
      'INFOKIND_UNKNOWN',
      `there is no kind of information 0x${message.kind.toString(16)}`,
    );
  }
  const values = await valuesOf(engine, engineId, agreed, kind);
  return message.length === TELL_VALUE
    ? tell(message, tellable(kind, values))
    : compare(message, values);
}

/** Names of which there may be many can be compared with, but not told: which would it be? */
function tellable(kind: InfoKind, values: readonly Buffer[]): Buffer | undefined {
  if (kind === 'peerSubjectAltName' || kind === 'ownSubjectAltName') return undefined;
  // Names of groups hold no comma: all of them are told at once.
  if (kind === 'remoteGroup' && values.length > 0) return Buffer.from(values.join(','));
  return values[0];
}

function tell(message: Info, value: Buffer | undefined): Info {
  if (value === undefined) throw notFound('the session has no such value');
  if (value.length > LONGEST_VALUE) {
    throw notFound(`the value has ${value.length} bytes and does not fit in the message`);
  }
  const buffer = Buffer.alloc(LONGEST_VALUE);
  value.copy(buffer);
  return { ...message, length: value.length, buffer };
}

function compare(message: Info, values: readonly Buffer[]): Info {
  if (message.length <= LONGEST_VALUE) {
    const given = message.buffer.subarray(0, message.length);
    if (values.some((value) => value.equals(given))) return message;
  }
  throw notFound('the value of the session differs, or there is none');
}

/** All values that the session has of a kind. */
async function valuesOf(
  engine: SessionEngine,
  session: SessionId,
  { admitted }: Agreed,
  kind: InfoKind,
): Promise<readonly Buffer[]> {
  switch (kind) {
    case 'remoteGroup':
      return (admitted?.groups ?? []).map((group) => Buffer.from(group));
    case 'decision':
      return admitted === undefined ? [] : [Buffer.from(admitted.decision)];
    case 'tlsUnique':
      return asList(await engine.channelBinding(session, 'tls-unique'));
    case 'tlsExporter':
      return asList(await engine.channelBinding(session, 'tls-exporter'));
    case 'tlsServerEndPoint':
      return asList(await engine.channelBinding(session, 'tls-server-end-point'));
    default: {
      const { own, peer } = await engine.certificates(session);
      const [leaf] = kind.startsWith('own') ? own : peer;
      return leaf === undefined ? [] : namesOf(leaf, kind);
    }
  }
}

function namesOf(leaf: Buffer, kind: InfoKind): readonly Buffer[] {
  const { subject, issuer, alternatives } = certificateNames(leaf);
  if (kind === 'peerSubject' || kind === 'ownSubject') return [subject];
  if (kind === 'peerIssuer' || kind === 'ownIssuer') return [issuer];
  return alternatives;
}

function asList(value: Buffer | undefined): readonly Buffer[] {
  return value === undefined ? [] : [value];
}

function notFound(message: string): PoolError {
  return new PoolError('INFO_NOT_FOUND', message);
}
