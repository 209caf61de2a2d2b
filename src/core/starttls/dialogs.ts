import { UsageError } from '../errors.ts';
import type { ClientPolicy, Dialog, Protocol, ServerPolicy, Talk } from './dialog.ts';
import { ftp, ftps } from './ftp.ts';
import { httpConnect } from './http-connect.ts';
import { imap } from './imap.ts';
import { irc } from './irc.ts';
import { ldap } from './ldap.ts';
import { managesieve } from './managesieve.ts';
import { mysql } from './mysql.ts';
import { nntp } from './nntp.ts';
import { pop3 } from './pop3.ts';
import { postgres } from './postgres.ts';
import { lmtp, smtp } from './smtp.ts';
import { xmpp, xmppServer } from './xmpp.ts';

/** Every protocol that there is a dialog for. */
export const protocols: readonly Protocol[] = [
  smtp,
  lmtp,
  imap,
  pop3,
  nntp,
  ftp,
  ftps,
  xmpp,
  xmppServer,
  ldap,
  postgres,
  mysql,
  irc,
  managesieve,
  httpConnect,
];

/** @throws UsageError for a name that is none of them */
export function parseProtocol(text: string): Protocol {
  const name = aliases[text] ?? text;
  const found = protocols.find((protocol) => protocol.name === name);
  if (found) return found;
  throw new UsageError(
    `there is no STARTTLS for \`${text}\``,
    `There is for ${protocols.map((protocol) => protocol.name).join(', ')}.`,
  );
}

/** What a program's server side says before TLS. @throws UsageError if the protocol has none, or may not be optional */
export function serverDialog(protocol: Protocol, policy: ServerPolicy): (talk: Talk) => Dialog {
  const { server, neverOptional } = protocol;
  if (!server) throw new UsageError(`${protocol.name} is for clients`);
  if (policy.optional && neverOptional !== undefined) {
    throw new UsageError(`TLS cannot be optional in ${protocol.name}: ${neverOptional}`);
  }
  return (talk) => server(talk, policy);
}

/** What a program's client side says before TLS. @throws UsageError if the protocol has none */
export function clientDialog(protocol: Protocol, policy: ClientPolicy): (talk: Talk) => Dialog {
  const { client } = protocol;
  if (!client) throw new UsageError(`${protocol.name} is for servers`);
  return (talk) => client(talk, policy);
}

/** Names that other programs use: OpenSSL's, GnuTLS's, IANA's. */
const aliases: Readonly<Record<string, string>> = {
  sieve: 'managesieve',
  pgsql: 'postgres',
  postgresql: 'postgres',
  submission: 'smtp',
  'xmpp-client': 'xmpp',
  connect: 'http-connect',
};
