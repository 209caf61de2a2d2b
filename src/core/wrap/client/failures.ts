import { TlspoolError } from '../../errors.ts';
import { errnos } from './errnos.ts';

/** What the program is told: what a network without TLS could have met, else that the server does not want it. */
export function errnoFor({ wire }: TlspoolError): number {
  return wire !== undefined && ofNetworks.has(wire) ? wire : errnos.ECONNREFUSED;
}

const ofNetworks: ReadonlySet<number> = new Set([
  errnos.ECONNREFUSED,
  errnos.ETIMEDOUT,
  errnos.EHOSTUNREACH,
  errnos.ENETUNREACH,
  errnos.ENETDOWN,
  errnos.ECONNRESET,
]);

/** @param step what was being done to the socket */
export function unprepared(step: string, errno: number): TlspoolError {
  return new TlspoolError('not-prepared', `${step} cannot be carried over (errno ${errno})`, {
    wire: errno,
  });
}

/** How far a connection came: to the server, or to the pool. */
export type Progress = 'connecting' | 'asked';

/** @param waited ms */
export function gaveUp(waited: number, progress: Progress): TlspoolError {
  const seconds = Math.round(waited / 1_000);
  return new TlspoolError(
    'given-up',
    `the program gave up after ${seconds} s, when the server had not ${missing[progress]} yet`,
  );
}

const missing: Readonly<Record<Progress, string>> = {
  connecting: 'answered',
  asked: 'come to TLS',
};

export function nameless(port: number): TlspoolError {
  return new TlspoolError(
    'nameless',
    'the program asked for no name that leads there, so nothing says whom the server must prove to be',
    {
      hint: `Name it: --client-tls HOST:${port}, or --remote-id HOST`,
      wire: errnos.ECONNREFUSED,
    },
  );
}

export const elsewhere = new TlspoolError(
  'other-network',
  'its socket is in another network namespace than wrap',
  { hint: 'Start wrap inside that namespace.', wire: errnos.ENETUNREACH },
);
