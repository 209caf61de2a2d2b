import type { StartTlsTerms } from './terms.ts';

/** Where mail servers hear from others, and mostly from everybody. */
const mailExchangePort = 25;

/**
 * What to tell an operator who requires TLS of those who bring mail (RFC 3207 section 4); undefined: nothing.
 * @param addresses where clients connect, each with its port
 */
export function publicMailWarning(
  addresses: readonly string[],
  startTls: StartTlsTerms | undefined,
): string | undefined {
  const isMail = startTls?.protocol.name === 'smtp' && !startTls.optional;
  const where = addresses.find((address) => address.endsWith(`:${mailExchangePort}`));
  if (!isMail || where === undefined) return undefined;
  return (
    `${where} requires TLS of whoever brings mail. RFC 3207 section 4 forbids that to a public mail exchanger, as mail ` +
    'from servers without TLS would be lost: there, let clear text through by --unsafe-tls-optional (see the manual)'
  );
}
