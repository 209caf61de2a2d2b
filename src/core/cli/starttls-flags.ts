import { Flags } from './oclif.ts';

/** What is said before TLS. The names of the protocols are those of src/core/starttls/dialogs.ts; a test compares. */
export const startTlsFlags = {
  starttls: Flags.string({
    helpValue: 'PROTOCOL',
    description:
      'begin in the clear and turn to TLS as this protocol has it: smtp, lmtp, imap, pop3, nntp, ftp, ftps, xmpp, xmpp-server, ' +
      'ldap, postgres, mysql, irc, managesieve, http-connect (clients: http-connect=HOST:PORT)',
  }),
  'unsafe-tls-optional': Flags.boolean({
    dependsOn: ['starttls'],
    description: 'serve clients that do not ask for TLS in the clear, as anonymous',
  }),
};

/** Who is on the other side, told and believed. */
export const proxyFlags = {
  'proxy-header': Flags.option({
    options: ['v1', 'v2'] as const,
    helpValue: 'v1|v2',
    description:
      'begin each connection to the program with a PROXY header: v1 has the addresses, v2 also TLS and the remote identity',
  })(),
  'proxy-from': Flags.string({
    helpValue: 'ADDR[/BITS]',
    multiple: true,
    multipleNonGreedy: true,
    description:
      'expect a PROXY header from clients at these addresses, and believe it; may be repeated',
  }),
};
