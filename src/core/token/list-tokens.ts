/** What tokens there are, for people: complete URIs, the state of their PINs, what failed. */
import { TlspoolError } from '../errors.ts';
import { returnValueOf } from './failure.ts';
import { LoadedModule } from './loaded-module.ts';
import type { ModuleConfig } from './modules.ts';
import { formatPinSource } from './pin-source.ts';
import type { PinState } from './pin-state.ts';
import { type PresentToken, presentTokens } from './present-tokens.ts';
import type { RegisteredToken } from './registered-tokens.ts';
import type { TokenStatus } from './token-status.ts';
import { matchPkcs11Uri, parsePkcs11Uri } from './uri.ts';

export interface ListedToken {
  /** Complete `pkcs11:` URI; as it is registered if the token is absent. */
  readonly uri: string;
  readonly label: string;
  readonly module: string;
  readonly present: boolean;
  /** Whether the pool uses it. */
  readonly registered: boolean;
  /** Undefined if the token is absent. */
  readonly pinState: PinState | undefined;
  /** `file:…` or `credential:…`; undefined: someone logs in by hand. */
  readonly loginFrom: string | undefined;
  /** As the running pool sees it; undefined without one, or if the pool does not use it. */
  readonly state: TokenStatus['state'] | undefined;
  /** By the name of its PKCS #11 return value, where there is one. */
  readonly lastError: string | undefined;
}

/** Looks into every module, logs in nowhere. A module that fails shows in its tokens' `lastError`. */
export function listTokens(
  modules: readonly ModuleConfig[],
  registered: readonly RegisteredToken[],
): ListedToken[] {
  return modules.flatMap((config) => {
    const known = registered.filter(({ modulePath }) => modulePath === config.path);
    try {
      using module = LoadedModule.open(config);
      return listModule(config, presentTokens(module), known);
    } catch (error) {
      const failure = describeFailure(error);
      return known.map((token) => absent(token, failure));
    }
  });
}

/** What the running pool knows besides: whether it could use the token, and its last failure there. */
export function withStatuses(
  tokens: readonly ListedToken[],
  statuses: readonly TokenStatus[],
): ListedToken[] {
  return tokens.map((token) => {
    const status = statuses.find(({ uri }) => namesSame(uri, token.uri));
    if (status === undefined) return token;
    return { ...token, state: status.state, lastError: status.lastError ?? token.lastError };
  });
}

/** The pool may know a token by fewer attributes, as its keys' URIs do. */
function namesSame(one: string, other: string): boolean {
  const [first, second] = [parsePkcs11Uri(one), parsePkcs11Uri(other)];
  return matchPkcs11Uri(first, second) || matchPkcs11Uri(second, first);
}

function listModule(
  config: ModuleConfig,
  present: readonly PresentToken[],
  known: readonly RegisteredToken[],
): ListedToken[] {
  const missing = known.filter(
    ({ uri }) => !present.some((token) => matchPkcs11Uri(parsePkcs11Uri(uri), token.attributes)),
  );
  const shown = present.map((token) => {
    const registration = known.find(({ uri }) =>
      matchPkcs11Uri(parsePkcs11Uri(uri), token.attributes),
    );
    return {
      uri: token.uri,
      label: token.attributes.token ?? '',
      module: config.path,
      present: true,
      registered: registration !== undefined,
      pinState: token.pinState,
      loginFrom: loginFrom(registration),
      state: undefined,
      lastError: undefined,
    };
  });
  return [...shown, ...missing.map((token) => absent(token, 'CKR_TOKEN_NOT_PRESENT'))];
}

function absent(token: RegisteredToken, lastError: string): ListedToken {
  return {
    uri: token.uri,
    label: parsePkcs11Uri(token.uri).token ?? '',
    module: token.modulePath,
    present: false,
    registered: true,
    pinState: undefined,
    loginFrom: loginFrom(token),
    state: undefined,
    lastError,
  };
}

function loginFrom(token: RegisteredToken | undefined): string | undefined {
  return token?.pinSource === undefined ? undefined : formatPinSource(token.pinSource);
}

/** Only failures of modules and tokens belong in a listing. */
function describeFailure(error: unknown): string {
  if (!(error instanceof TlspoolError)) throw error;
  return returnValueOf(error)?.name ?? error.message;
}
