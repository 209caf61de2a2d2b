import type { Engine } from '../engine/engine.ts';
import { TlspoolError } from '../errors.ts';
import type { Session } from '../session/session.ts';
import type { Shown } from '../store/review-wishes.ts';
import { DerError } from '../trust/der.ts';
import { Distrusted } from '../trust/distrust.ts';
import type { Sessions } from './sessions.ts';

/**
 * The open sessions in which the other side showed one of these, also if their program has yet to take them. Of a session
 * that was resumed nothing is known but the certificate itself, without those of its CAs.
 */
export async function* sessionsShowing(
  sessions: Pick<Sessions, 'list'>,
  engine: Pick<Engine, 'certificates'>,
  shown: readonly Shown[],
): AsyncIterable<Session> {
  const distrusted = Distrusted.of(shown.map((each) => ({ ...each, note: '' })));
  for (const { session } of [...sessions.list()]) {
    if (await shows(session, engine, distrusted)) yield session;
  }
}

async function shows(
  { agreed, engineId }: Session,
  engine: Pick<Engine, 'certificates'>,
  distrusted: Distrusted,
): Promise<boolean> {
  if (agreed === undefined || engineId === undefined) return false;
  try {
    const { peer } = await engine.certificates(engineId);
    return distrusted.reason(peer) !== undefined;
  } catch (error) {
    // It has ended meanwhile, or what follows a certificate that is none of these cannot be read.
    if (error instanceof TlspoolError || error instanceof DerError) return false;
    throw error;
  }
}
