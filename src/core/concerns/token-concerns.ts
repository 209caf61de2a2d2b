import type { TokenStatus } from '../token/token-status.ts';
import type { Concern } from './concern.ts';

/** What tokens want of people. @param asked whether a program asks people for PINs */
export function tokenConcerns(tokens: readonly TokenStatus[], asked: boolean): Concern[] {
  return tokens.flatMap((token) => {
    const name = token.label || token.uri;
    return [stateConcern(token, name, asked), triesConcern(token, name), touchConcern(token, name)]
      .filter((concern) => concern !== undefined)
      .map((concern) => ({ ...concern, about: name }));
  });
}

type Unnamed = Omit<Concern, 'about'>;

function stateConcern(
  { state, lastError, loginFrom, lockedByHand }: TokenStatus,
  name: string,
  asked: boolean,
): Unnamed | undefined {
  const cause = lastError === undefined ? '' : `: ${lastError}`;
  const enter = `tlspool pin enter ${name}`;
  if (lockedByHand && state === 'unused') {
    const message = `the token ${name} was locked by hand: what needs its keys waits for its PIN`;
    return { code: 'token-needs-pin', message, hint: `Give it: ${enter}` };
  }
  switch (state) {
    case 'absent':
      return { code: 'token-absent', message: `the token ${name} is not there`, hint: null };
    case 'failing':
      return { code: 'token-failing', message: `the token ${name} fails${cause}`, hint: null };
    case 'locked': {
      const message = `the token ${name} is locked after too many wrong PINs`;
      return { code: 'token-locked', message, hint: 'Only its security officer can unlock it.' };
    }
    case 'wrong-pin': {
      const message = `the PIN of the token ${name} is wrong, and is not tried again`;
      const where = loginFrom === undefined ? '' : `Correct it in ${loginFrom}, or give it: `;
      return { code: 'token-wrong-pin', message, hint: `${where}${enter}` };
    }
    case 'needs-pin': {
      if (asked) return undefined;
      const message = `the token ${name} waits for its PIN, and nobody asks for it`;
      return {
        code: 'token-needs-pin',
        message,
        hint: `Run \`tlspool pin\`, or give it: ${enter}`,
      };
    }
    default:
      return undefined;
  }
}

function triesConcern({ pinState }: TokenStatus, name: string): Unnamed | undefined {
  if (pinState !== 'count-low' && pinState !== 'final-try') return undefined;
  const left = pinState === 'final-try' ? 'one more locks it' : 'too many lock it';
  const message = `a wrong PIN was given to the token ${name}: ${left}`;
  return { code: 'token-few-tries', message, hint: 'The right PIN sets the count back.' };
}

function touchConcern({ awaitsTouch }: TokenStatus, name: string): Unnamed | undefined {
  if (!awaitsTouch) return undefined;
  const message = `the token ${name} does not answer: does it wait for a touch?`;
  return { code: 'token-awaits-touch', message, hint: null };
}
