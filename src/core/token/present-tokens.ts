/** The tokens that a module shows now. Slots stay in here: everyone else names tokens by URI. */
import type pkcs11js from 'pkcs11js';
import { attempt, returnValueOf, TokenError } from './failure.ts';
import type { LoadedModule } from './loaded-module.ts';
import { type PinState, pinStateOf } from './pin-state.ts';
import { formatPkcs11Uri, matchPkcs11Uri, type Pkcs11Uri, tokenPart } from './uri.ts';

export interface PresentToken {
  /** Canonical: model, manufacturer, serial number and label. */
  readonly uri: string;
  readonly attributes: Pkcs11Uri;
  readonly pinState: PinState;
  /** The PIN is typed at the reader itself. */
  readonly hasPinPad: boolean;
  /** Of the moment; slot numbers change. */
  readonly slot: pkcs11js.Handle;
}

const CKF_PROTECTED_AUTHENTICATION_PATH = 0x100;
const CKF_TOKEN_INITIALIZED = 0x400;

/** @throws TokenError when the module cannot list its tokens. */
export function presentTokens(module: LoadedModule): PresentToken[] {
  const tokens: PresentToken[] = [];
  for (const slot of slotsWithToken(module)) {
    const info = tokenInfo(module, slot);
    if (info === undefined || (info.flags & CKF_TOKEN_INITIALIZED) === 0) continue;
    const attributes = attributesOf(info);
    tokens.push({
      uri: formatPkcs11Uri(attributes),
      attributes,
      pinState: pinStateOf(info.flags),
      hasPinPad: (info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) !== 0,
      slot,
    });
  }
  return tokens;
}

/** A token that was never initialised; SoftHSM always shows one. */
export interface BlankToken {
  readonly slot: pkcs11js.Handle;
  /** PIN lengths in bytes. */
  readonly shortestPin: number;
  readonly longestPin: number;
}

export function blankToken(module: LoadedModule): BlankToken | undefined {
  for (const slot of slotsWithToken(module)) {
    const info = tokenInfo(module, slot);
    if (info !== undefined && (info.flags & CKF_TOKEN_INITIALIZED) === 0) {
      return { slot, shortestPin: info.minPinLen, longestPin: info.maxPinLen };
    }
  }
  return undefined;
}

/**
 * The one token that the URI names; attributes of an object in it are ignored.
 * @throws TokenError `token-absent`, `token-ambiguous`
 */
export function findToken(module: LoadedModule, uri: Pkcs11Uri): PresentToken {
  const wanted = tokenPart(uri);
  const present = presentTokens(module);
  const found = present.filter((token) => matchPkcs11Uri(wanted, token.attributes));
  const [token, another] = found;
  if (token === undefined) throw absentToken(module, wanted, present);
  if (another !== undefined) {
    throw new TokenError(
      'token-ambiguous',
      `${found.length} tokens in ${module.config.path} match ${formatPkcs11Uri(wanted)}`,
      { hint: `Name one by its serial number: ${found.map(({ uri }) => uri).join(' or ')}` },
    );
  }
  return token;
}

function absentToken(module: LoadedModule, wanted: Pkcs11Uri, present: readonly PresentToken[]) {
  return new TokenError(
    'token-absent',
    `no token in ${module.config.path} matches ${formatPkcs11Uri(wanted)}`,
    {
      hint:
        present.length === 0
          ? 'The module shows no initialised token at all.'
          : `There are: ${present.map(({ uri }) => uri).join(', ')}`,
    },
  );
}

function slotsWithToken({ pkcs11, config }: LoadedModule): pkcs11js.Handle[] {
  return attempt(`list the tokens of ${config.path}`, () => pkcs11.C_GetSlotList(true));
}

/** Undefined for a token that went away, or that is no token to the module, meanwhile. */
function tokenInfo(
  { pkcs11, config }: LoadedModule,
  slot: pkcs11js.Handle,
): pkcs11js.TokenInfo | undefined {
  return attempt(`read a token of ${config.path}`, () => {
    try {
      return pkcs11.C_GetTokenInfo(slot);
    } catch (error) {
      if (goneTokens.has(returnValueOf(error)?.name ?? '')) return undefined;
      throw error;
    }
  });
}

const goneTokens: ReadonlySet<string> = new Set([
  'CKR_TOKEN_NOT_PRESENT',
  'CKR_TOKEN_NOT_RECOGNIZED',
  'CKR_DEVICE_REMOVED',
  'CKR_SLOT_ID_INVALID',
]);

function attributesOf(info: pkcs11js.TokenInfo): Pkcs11Uri {
  return {
    model: unpad(info.model),
    manufacturer: unpad(info.manufacturerID),
    serial: unpad(info.serialNumber),
    token: unpad(info.label),
  };
}

/** PKCS #11 pads with blanks; some modules with NULs. */
function unpad(text: string): string {
  return text.replace(/[ \0]+$/, '');
}
