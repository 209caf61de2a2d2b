import { createHmac, randomBytes } from 'node:crypto';
import { formatPinSource, type PinSource, readPin } from '../token/pin-source.ts';
import { matchPkcs11Uri, parsePkcs11Uri } from '../token/uri.ts';
import type { PinAsker } from './pin-question.ts';

export interface SourceAskerOptions {
  /** Label or URI of the only token that it is for; undefined: whichever token it is. */
  readonly token: string | undefined;
  /** A person says so now: the PIN is given once, whatever was given before. */
  readonly deliberate: boolean;
  /** Tells whoever runs this. */
  say(text: string): void;
}

/**
 * Answers with the PIN of a source, for one token only, and with each content of the source once: a PIN that was wrong is
 * not given again, and by a program that was started again not without being told to.
 */
export function sourceAsker(
  source: PinSource,
  { token, deliberate, say }: SourceAskerOptions,
): PinAsker {
  // A secret of this run's: what a digest is of cannot be guessed from it.
  const salt = randomBytes(32);
  const digestOf = (pin: Buffer) => createHmac('sha256', salt).update(pin).digest();
  let given: Buffer | undefined;
  return async (question) => {
    const name = question.token.uri || question.token.label;
    const decline = (why: string) => {
      say(`declined: ${why}`);
      return undefined;
    };
    if (token !== undefined && !isToken(question.token, token))
      return decline(`${name} is another token`);
    if (given === undefined && question.attempt > 0 && !deliberate) {
      return decline(
        `the PIN of ${formatPinSource(source)} may be the wrong one that ${name} was given; to give it, run: tlspool pin enter`,
      );
    }
    const pin = await readPin(source);
    const digest = digestOf(pin);
    if (question.attempt > 0 && given?.equals(digest) === true) {
      pin.fill(0);
      return decline(`the PIN of ${formatPinSource(source)} is wrong`);
    }
    given = digest;
    return pin;
  };
}

/** @param wanted a label, or a `pkcs11:` URI that may say less than the token's own */
export function isToken({ uri, label }: { uri: string; label: string }, wanted: string): boolean {
  if (!wanted.startsWith('pkcs11:')) return label === wanted;
  return uri !== '' && matchPkcs11Uri(parsePkcs11Uri(wanted), parsePkcs11Uri(uri));
}
