/** Bits of `flags` in STARTTLS. */
export const startTlsFlags = {
  localRoleClient: 0x1,
  localRoleServer: 0x2,
  remoteRoleClient: 0x4,
  remoteRoleServer: 0x8,
  dtls: 0x100,
  withoutSni: 0x200,
  ignoreCaches: 0x400,
  requestRemoteId: 0x800,
  ignoreRemoteId: 0x1000,
  detach: 0x2000,
  fork: 0x4000,
  domainRepresentsUser: 0x8000,
  localIdCheck: 0x1_0000,
  renegotiate: 0x2_0000,
  localIdOnTheFly: 0x4_0000,
} as const;

export type StartTlsFlag = keyof typeof startTlsFlags;

const known = Object.values(startTlsFlags).reduce((all, bit) => all | bit, 0);

/** Bits that mean nothing to us. */
export function unknownFlags(flags: number): number {
  return (flags & ~known) >>> 0;
}

/** Bits of `facilities` in PING. */
export const facilities = {
  startTls: 0x1,
  startGss: 0x2,
  startSsh: 0x4,
  /** Ours: the commands of extension.ts are understood. */
  extension: 0x8000_0000,
} as const;

/** How the pool calls itself in PING. */
export const POOL_IDENTITY = '20151111api@tlspool.arpa2.net';
