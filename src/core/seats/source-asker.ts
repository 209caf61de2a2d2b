import { formatPinSource, type PinSource, readPin } from '../token/pin-source.ts';
import { matchPkcs11Uri, parsePkcs11Uri } from '../token/uri.ts';
import type { PinAsker, PinQuestion } from './pin-question.ts';

/**
 * Answers with the PIN of a source, for one token only, and with each content of the source once: a PIN that was wrong
 * is not given again. @param token label or URI; undefined: whichever token it is
 * @param say tells whoever runs this
 */
export function sourceAsker(
  source: PinSource,
  token: string | undefined,
  say: (text: string) => void,
): PinAsker {
  return async (question) => {
    const name = question.token.uri || question.token.label;
    if (token !== undefined && !isToken(question, token)) {
      say(`declined: ${name} is another token`);
      return undefined;
    }
    if (question.attempt > 0) {
      say(
        `declined: the PIN of ${formatPinSource(source)} may be the wrong one that ${name} was given`,
      );
      return undefined;
    }
    return readPin(source);
  };
}

function isToken({ token }: PinQuestion, wanted: string): boolean {
  if (!wanted.startsWith('pkcs11:')) return token.label === wanted;
  const named = parsePkcs11Uri(wanted);
  return token.uri !== '' && matchPkcs11Uri(named, parsePkcs11Uri(token.uri));
}
