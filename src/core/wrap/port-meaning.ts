/** How a port's protocol comes to TLS. */
export type PortMeaning =
  /** From the first byte on. */
  | { readonly kind: 'tls'; readonly service?: string | undefined }
  /** After a dialog in the clear. */
  | { readonly kind: 'starttls'; readonly protocol: string; readonly service?: string | undefined }
  | { readonly kind: 'plain' };

/** What a port means when nobody said it: by IANA's registry of service names and port numbers. */
export function portMeaning(port: number): PortMeaning {
  return meanings.get(port) ?? { kind: 'tls' };
}

/** Whether there is anything to know about the port. */
export function isRegistered(port: number): boolean {
  return meanings.has(port);
}

const startTls = (
  protocol: string,
  service: string,
): Extract<PortMeaning, { kind: 'starttls' }> => ({
  kind: 'starttls',
  protocol,
  service,
});
/** TLS from the first byte on; but what is said inside has to be heard, for the data connections' sake. */
export const ftpsMeaning = startTls('ftps', 'ftps');
const tls = (service: string): PortMeaning => ({ kind: 'tls', service });

const meanings: ReadonlyMap<number, PortMeaning> = new Map([
  [21, startTls('ftp', 'ftp')],
  [25, startTls('smtp', 'smtp')],
  [53, { kind: 'plain' }],
  [110, startTls('pop3', 'pop3')],
  [119, startTls('nntp', 'nntp')],
  [143, startTls('imap', 'imap')],
  [389, startTls('ldap', 'ldap')],
  [587, startTls('smtp', 'submission')],
  [3306, startTls('mysql', 'mysql')],
  [4190, startTls('managesieve', 'sieve')],
  [5222, startTls('xmpp', 'xmpp-client')],
  [5269, startTls('xmpp-server', 'xmpp-server')],
  [5432, startTls('postgres', 'postgresql')],
  [6667, startTls('irc', 'ircu')],
  [443, tls('https')],
  [465, tls('submissions')],
  [563, tls('nntps')],
  [636, tls('ldaps')],
  [853, tls('domain-s')],
  [990, ftpsMeaning],
  [993, tls('imaps')],
  [995, tls('pop3s')],
  [6697, tls('ircs-u')],
]);
