/** What a token says about its user PIN (CK_TOKEN_INFO flags, PKCS #11 2.40 section 3.2). */

export type PinState =
  | 'ok'
  /** Someone gave a wrong PIN since the last right one. */
  | 'count-low'
  /** One more wrong PIN locks it. */
  | 'final-try'
  | 'locked'
  /** Only the security officer can log in, and set one. */
  | 'not-set'
  /** The token's keys can be used without. */
  | 'not-needed';

const CKF_LOGIN_REQUIRED = 0x4;
const CKF_USER_PIN_INITIALIZED = 0x8;
const CKF_USER_PIN_COUNT_LOW = 0x1_0000;
const CKF_USER_PIN_FINAL_TRY = 0x2_0000;
const CKF_USER_PIN_LOCKED = 0x4_0000;

export function pinStateOf(flags: number): PinState {
  if ((flags & CKF_USER_PIN_LOCKED) !== 0) return 'locked';
  if ((flags & CKF_USER_PIN_FINAL_TRY) !== 0) return 'final-try';
  if ((flags & CKF_USER_PIN_COUNT_LOW) !== 0) return 'count-low';
  if ((flags & CKF_LOGIN_REQUIRED) === 0) return 'not-needed';
  if ((flags & CKF_USER_PIN_INITIALIZED) === 0) return 'not-set';
  return 'ok';
}
