import { X509Certificate } from 'node:crypto';
import type { AlertName } from '../engine/types.ts';
import type { Anchor } from './anchors.ts';
import type { Examination } from './examination.ts';
import { conjunction, type Expression, lettersOf } from './expression.ts';
import { fingerprintsOf } from './fingerprints.ts';
import type { AcceptedRemote, RefusedRemote, RemoteVerdict } from './remote-question.ts';
import type { ValidationSettings } from './validation-settings.ts';

/** How long a verdict may be reused at most, in seconds. */
const LONGEST_VERDICT = 24 * 60 * 60;

/** Predicates about the handshake itself: a resumed one may differ in what they look at. */
const NEVER_RESUMED = 'QALl';
const NEVER_RESUMED_IN_TLS12 = 'Ff';

/** What an operator would look at first. */
const IMPORTANCE = 'TtRrOoIiUDdPpGgEeLlqQFfAaSsCc';

/**
 * What is decided of the remote that was examined.
 * @param asked what it must meet, apart from what its anchor asks for
 * @param anchors all that are trusted
 */
export async function verdictOn(
  examination: Examination,
  asked: Expression,
  anchors: readonly Anchor[],
): Promise<RemoteVerdict> {
  const { question } = examination;
  let outcome = await examination.outcome(asked);
  let expression = asked;
  if (outcome === 'true' || question.explain) {
    // What a path rests on may ask for more, also where something else was quicker than the path.
    if (asksForPath(asked)) await examination.path();
    const more = examination.anchorOf(anchors)?.validation;
    if (more !== undefined) {
      expression = conjunction([asked, more]);
      outcome = await examination.outcome(expression);
    }
  }
  if (question.explain) await examination.askAll(lettersOf(expression.term));
  const report = question.explain ? examination.report(expression) : undefined;
  if (outcome !== 'true') {
    return { ...(await whyNot(examination, expression)), report };
  }
  return { ...(await accept(examination, expression)), report };
}

/** @param reason what people and the log are told */
export function refuse(alert: AlertName, reason: string): RefusedRemote {
  return { ok: false, alert, reason };
}

async function accept(examination: Examination, expression: Expression): Promise<AcceptedRemote> {
  const { names, remoteId, match } = examination;
  const proven = await isProven(examination, expression);
  const asked = lettersOf(expression.term).filter((letter) => examination.finding(letter));
  const held = asked.filter((letter) => examination.finding(letter)?.value === 'true');
  return {
    ok: true,
    remoteId,
    proven,
    validatedBy: held.join(''),
    domainRepresented: match === 'domain',
    names: [...names.users, ...names.domains],
    until: verdictEnd(examination, asked),
    remember: await toRemember(examination, expression),
  };
}

/** A first use, or a key that takes another's place, if the outcome rests on it. */
async function toRemember(
  examination: Examination,
  expression: Expression,
): Promise<(() => Promise<void>) | undefined> {
  const { remoteId, pin, leaf, tools } = examination;
  if (remoteId === undefined || pin === undefined) return undefined;
  if (pin.is !== 'none' && pin.is !== 'roll-over') return undefined;
  const held = (pin.is === 'none' ? ['p'] : ['P', 'p']).filter(
    (letter) => examination.finding(letter)?.value === 'true',
  );
  if (held.length === 0) return undefined;
  if ((await examination.outcomeWithout(expression, held)) === 'true') return undefined;
  const { key } = fingerprintsOf(leaf);
  return pin.is === 'none'
    ? () => tools.pins.noteFirstUse(remoteId, key, firstUseEnd(tools.settings))
    : () => tools.pins.replace(pin.pin, key);
}

function firstUseEnd({ firstUseLifetime }: ValidationSettings): Date | undefined {
  return firstUseLifetime === 0 ? undefined : new Date(Date.now() + firstUseLifetime);
}

/**
 * Strictly: by a path to an anchor that vouches for the name which the certificate has, by DANE, or by a pin of the
 * operator's. What was not needed for the outcome is asked now, so that it makes no difference.
 */
async function isProven(examination: Examination, expression: Expression): Promise<boolean> {
  const { remoteId, match, pin } = examination;
  if (remoteId === undefined) return false;
  if (pin?.is === 'match' && pin.pin.source === 'operator') return true;
  if (asksForPath(expression) && match !== 'none') {
    const path = await examination.path();
    if (path.is === 'found') return true;
  }
  const letters = lettersOf(expression.term);
  const asksDns = letters.some((letter) => letter === 'D' || letter === 'd');
  if (asksDns) await examination.askAll(['D']);
  return examination.finding('D')?.value === 'true';
}

function asksForPath({ term }: Expression): boolean {
  return lettersOf(term).some((letter) => letter === 'T' || letter === 't');
}

/** The predicates without which it would pass, or else all that did not hold: what people and the remote are told. */
async function whyNot(examination: Examination, expression: Expression): Promise<RefusedRemote> {
  const letters = lettersOf(expression.term);
  const failed = letters.filter((letter) => {
    const value = examination.finding(letter)?.value;
    return value !== undefined && value !== 'true';
  });
  const alone: string[] = [];
  for (const letter of failed) {
    if ((await examination.outcomeWith(expression, letter, 'true')) === 'true') alone.push(letter);
  }
  const [first = ''] = [...(alone.length > 0 ? alone : failed)].sort(
    (one, other) => IMPORTANCE.indexOf(one) - IMPORTANCE.indexOf(other),
  );
  const finding = examination.finding(first);
  if (finding === undefined) {
    return refuse('access_denied', `the expression ${expression.text} accepts nobody like this`);
  }
  const { alert = 'bad_certificate', looked, advice } = finding;
  return { ok: false, alert, reason: looked, advice };
}

/**
 * The first moment at which something that it rests on expires, and at most a day from now.
 * @param letters all that were asked: it may rest on what does not hold, too
 */
function verdictEnd(examination: Examination, letters: readonly string[]): number {
  const { question, leaf } = examination;
  const never = letters.some(
    (letter) =>
      NEVER_RESUMED.includes(letter) ||
      (NEVER_RESUMED_IN_TLS12.includes(letter) && question.handshake?.version === 'TLSv1.2'),
  );
  if (never) return 0;
  const leafEnd = Math.floor(new X509Certificate(leaf).validToDate.getTime() / 1000);
  const ends = letters.flatMap((letter) => examination.finding(letter)?.until ?? []);
  return Math.min(Math.floor(Date.now() / 1000) + LONGEST_VERDICT, leafEnd, ...ends);
}
