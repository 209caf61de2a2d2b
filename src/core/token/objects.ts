/** Objects in a token, by handle: what they are and how they go. */
import type pkcs11js from 'pkcs11js';
import { attempt, returnValueOf } from './failure.ts';
import type { TokenSession } from './token-session.ts';

/** Undefined if the object has no such attribute, or the token does not know it. */
export function readAttribute(
  session: TokenSession,
  object: pkcs11js.Handle,
  type: number,
): Buffer | undefined {
  return attempt(`read an object of ${session.uri}`, () => {
    try {
      const [attribute] = session.pkcs11.C_GetAttributeValue(session.handle, object, [{ type }]);
      return attribute?.value;
    } catch (error) {
      if (returnValueOf(error)?.name === 'CKR_ATTRIBUTE_TYPE_INVALID') return undefined;
      throw error;
    }
  });
}

export function readFlag(
  session: TokenSession,
  object: pkcs11js.Handle,
  type: number,
): boolean | undefined {
  const value = readAttribute(session, object, type);
  return value === undefined || value.length === 0 ? undefined : value[0] !== 0;
}

/** For good. `uri` is for the message. */
export function destroyObject(session: TokenSession, object: pkcs11js.Handle, uri: string): void {
  attempt(`remove ${uri}`, () => session.pkcs11.C_DestroyObject(session.handle, object));
}
