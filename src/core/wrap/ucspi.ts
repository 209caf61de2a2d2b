/** Both ends of a connection, as sockets.ts tells them. */
export interface ConnectionAddresses {
  readonly local?: { readonly address: string; readonly port: number };
  readonly remote?: { readonly address: string; readonly port: number };
}

/** Who is who, as the pool found out. */
export interface ConnectionIdentities {
  readonly localId: string;
  /** Empty when nobody was authenticated. */
  readonly remoteId: string;
}

export interface ConnectionSecurity {
  readonly version: string;
  readonly cipher: string;
  /** Empty when none was agreed on. */
  readonly alpn: string;
  /** What let the client in. */
  readonly decision: string;
  /** Groups that it is in. */
  readonly groups: readonly string[];
}

/**
 * The environment of a program that serves one connection, in the manner of UCSPI (Bernstein's UNIX
 * Client-Server Program Interface): a variable that is not known is absent, never inherited.
 */
export function ucspiEnvironment(
  inherited: NodeJS.ProcessEnv,
  addresses: ConnectionAddresses,
  identities: ConnectionIdentities,
  // Unknown before TLS, as who is who is.
  security: ConnectionSecurity | undefined,
): NodeJS.ProcessEnv {
  const known: Record<(typeof variables)[number], string | undefined> = {
    PROTO: 'TCP',
    TCPREMOTEIP: plainAddress(addresses.remote?.address),
    TCPREMOTEPORT: addresses.remote?.port.toString(),
    TCPREMOTEHOST: undefined,
    TCPREMOTEINFO: undefined,
    TCPLOCALIP: plainAddress(addresses.local?.address),
    TCPLOCALPORT: addresses.local?.port.toString(),
    TCPLOCALHOST: undefined,
    TLS_LOCAL_ID: security && identities.localId,
    TLS_REMOTE_ID: (security && identities.remoteId) || undefined,
    TLS_VERSION: security?.version,
    TLS_CIPHER: security?.cipher,
    TLS_ALPN: security?.alpn || undefined,
    TLS_GROUPS: security?.groups.join(' ') || undefined,
    TLS_DECISION: security?.decision || undefined,
  };
  const environment: NodeJS.ProcessEnv = { ...inherited };
  for (const variable of variables) {
    const value = known[variable];
    if (value === undefined) delete environment[variable];
    else environment[variable] = value;
  }
  return environment;
}

const variables = [
  'PROTO',
  'TCPREMOTEIP',
  'TCPREMOTEPORT',
  'TCPREMOTEHOST',
  'TCPREMOTEINFO',
  'TCPLOCALIP',
  'TCPLOCALPORT',
  'TCPLOCALHOST',
  'TLS_LOCAL_ID',
  'TLS_REMOTE_ID',
  'TLS_VERSION',
  'TLS_CIPHER',
  'TLS_ALPN',
  'TLS_GROUPS',
  'TLS_DECISION',
] as const;

/** A dual-stack socket shows IPv4 clients as ::ffff:192.0.2.1 (RFC 4291 section 2.5.5.2). */
function plainAddress(address: string | undefined): string | undefined {
  return address?.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}
