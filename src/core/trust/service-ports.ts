/** TCP ports of services by their names (IANA), for those who name a service and connect elsewhere, as through a tunnel. */
const ports: Readonly<Record<string, number>> = {
  ftp: 21,
  ftps: 990,
  http: 443,
  https: 443,
  imap: 143,
  imaps: 993,
  irc: 6667,
  ircs: 6697,
  ldap: 389,
  ldaps: 636,
  nntp: 119,
  nntps: 563,
  pop3: 110,
  pop3s: 995,
  sieve: 4190,
  sip: 5060,
  sips: 5061,
  smtp: 25,
  smtps: 465,
  submission: 587,
  submissions: 465,
  'xmpp-client': 5222,
  'xmpp-server': 5269,
};

/** The service's own port; where it has none, the one that was connected to. */
export function portOf(service: string, connected: number | undefined): number | undefined {
  // Any text may be a service: what every object has is none.
  return Object.hasOwn(ports, service) ? ports[service] : connected;
}
