import * as Flags from '@oclif/core/flags';

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
