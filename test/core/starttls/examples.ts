import type { Actor } from './simulation.ts';

/** How TLS is come to in one protocol, as real programs do it. */
export interface Example {
  readonly protocol: string;
  /** As the server: what its plaintext program is, and what a client says up to the request for TLS, that included. */
  readonly program: Actor;
  readonly asks: string;
  /** What the client is answered last, before TLS. */
  readonly begin: string;
  /** As the client: what its program is, where that has to say something before TLS, and what the server is. */
  readonly asking?: Actor;
  readonly server: Actor;
  /** The same server, that does not offer TLS, or refuses it. */
  readonly without: readonly Actor[];
  /** There is no dialog before TLS. */
  readonly implicit?: boolean;
  /** TLS may follow at once, in the same packet. */
  readonly tlsFollows?: boolean;
}

/** Answers by the first rule that what is new matches. */
function answering(
  rules: readonly (readonly [RegExp, string])[],
): (heard: string, more: string) => string | undefined {
  return (_heard, more) => {
    const answers = more
      .split(/(?<=\n)/)
      .map((line) => rules.find(([pattern]) => pattern.test(line))?.[1] ?? '');
    return answers.join('') || undefined;
  };
}

const smtpProgram: Actor = {
  greeting: '220 mail.example.com ESMTP\r\n',
  answer: answering([
    [/^(EHLO|LHLO)/, '250-mail.example.com\r\n250-AUTH PLAIN\r\n250 SIZE 1000\r\n'],
    [/^QUIT/, '221 Bye\r\n'],
  ]),
};

const smtpServer = (features: string, ready = '220 Go\r\n'): Actor => ({
  greeting: '220-mail.example.com\r\n220 hello\r\n',
  answer: answering([
    [/^(EHLO|LHLO)/, features],
    [/^STARTTLS/, ready],
  ]),
});
const smtpFeatures = '250-mail.example.com\r\n250-SIZE 1000\r\n250 STARTTLS\r\n';

const mail = (protocol: string, hello: string): Example => ({
  protocol,
  program: smtpProgram,
  asks: `${hello} client.example.com\r\nNOOP\r\nSTARTTLS\r\n`,
  begin: '220 2.0.0 Ready to start TLS\r\n',
  server: smtpServer(smtpFeatures),
  without: [
    smtpServer('250-mail.example.com\r\n250 SIZE 1000\r\n'),
    smtpServer(smtpFeatures, '454 4.7.0 Not now\r\n'),
    { greeting: '554 No\r\n' },
  ],
});

const ldapStartTls = (id: number) =>
  `\x30\x1d\x02\x01${String.fromCharCode(id)}\x77\x18\x80\x161.3.6.1.4.1.1466.20037`;
const ldapResult = (id: number, code: number) =>
  `\x30\x0c\x02\x01${String.fromCharCode(id)}\x78\x07\x0a\x01${String.fromCharCode(code)}\x04\x00\x04\x00`;

export const mysqlGreeting = (ssl: boolean) => {
  const body = Buffer.concat([
    Buffer.from('\x0a5.5.5-10.11.0-MariaDB\0', 'latin1'),
    Buffer.from([1, 0, 0, 0]),
    Buffer.from('saltsalt\0', 'latin1'),
    Buffer.from([0x08 - 8, ssl ? 0xfe | 0x08 : 0xf6, 0x21, 0x02, 0x00, 0xff, 0x81, 21]),
    Buffer.alloc(10),
    Buffer.from('saltsaltsalt\0mysql_native_password\0', 'latin1'),
  ]);
  return mysqlPacket(0, body).toString('latin1');
};

export function mysqlPacket(sequence: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, body]);
}

export const mysqlSslRequest = mysqlPacket(
  1,
  Buffer.concat([Buffer.from([0x05, 0xae, 0x0b, 0, 0, 0, 0, 1, 0x21]), Buffer.alloc(23)]),
).toString('latin1');

/** A log-in without SSL among its capabilities. */
export const mysqlResponse = mysqlPacket(
  1,
  Buffer.concat([
    Buffer.from([0x05, 0xa6, 0x0b, 0, 0, 0, 0, 1, 0x21]),
    Buffer.alloc(23),
    Buffer.from('someone\0\x04hash', 'latin1'),
  ]),
);

const sieveCapabilities = (more = '') =>
  `"IMPLEMENTATION" "Dovecot Pigeonhole"\r\n"SASL" "PLAIN"\r\n${more}OK "ready"\r\n`;

const xmppHeader = (content: string) =>
  `<?xml version='1.0'?><stream:stream to='www.example.com' xmlns='${content}' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`;
const xmppFeatures = (features: string) =>
  `<stream:stream from='www.example.com' id="x>'" xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'><stream:features>${features}</stream:features>`;
const xmppTls = 'urn:ietf:params:xml:ns:xmpp-tls';
const xmppServer = (features: string, answer = `<proceed xmlns='${xmppTls}'/>`): Actor => ({
  answer: (_heard, more) => {
    if (more.includes('<stream:stream')) return xmppFeatures(features);
    return more.includes('<starttls') ? answer : undefined;
  },
});
const chat = (protocol: string, content: string): Example => ({
  protocol,
  program: {},
  asks: `${xmppHeader(content)}\n<starttls xmlns='${xmppTls}'/>`,
  begin: `<proceed xmlns='${xmppTls}'/>`,
  server: xmppServer(`<starttls xmlns='${xmppTls}'><required/></starttls>`),
  without: [
    xmppServer(
      `<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>`,
    ),
    xmppServer(`<starttls xmlns='${xmppTls}'/>`, `<failure xmlns='${xmppTls}'/></stream:stream>`),
  ],
});

const postgresRequest = (code: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(8);
  bytes.writeUInt32BE(code, 4);
  return bytes.toString('latin1');
};
const sslRequest = postgresRequest(80_877_103);
const gssEncRequest = postgresRequest(80_877_104);

export const examples: readonly Example[] = [
  mail('smtp', 'EHLO'),
  mail('lmtp', 'LHLO'),
  {
    protocol: 'imap',
    program: { greeting: '* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN IDLE] ready\r\n' },
    asks: 'a CAPABILITY\r\nb NOOP\r\nc STARTTLS\r\n',
    begin: 'c OK Begin TLS\r\n',
    server: {
      greeting: '* OK ready\r\n',
      answer: answering([
        [/ CAPABILITY/, '* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\ntls0 OK\r\n'],
        [/ STARTTLS/, 'tls1 OK go\r\n'],
      ]),
    },
    without: [
      { greeting: '* PREAUTH welcome\r\n' },
      { greeting: '* BYE\r\n' },
      {
        greeting: '* OK ready\r\n',
        answer: answering([[/ CAPABILITY/, '* CAPABILITY IMAP4rev1\r\ntls0 OK\r\n']]),
      },
      {
        greeting: '* OK ready\r\n',
        answer: answering([
          [/ CAPABILITY/, '* CAPABILITY IMAP4rev1 STARTTLS\r\ntls0 OK\r\n'],
          [/ STARTTLS/, 'tls1 BAD no\r\n'],
        ]),
      },
    ],
  },
  {
    protocol: 'pop3',
    program: {
      greeting: '+OK ready <1.2@example.com>\r\n',
      answer: answering([[/^CAPA/, '+OK\r\nUSER\r\nUIDL\r\nSASL PLAIN\r\n.\r\n']]),
    },
    asks: 'CAPA\r\nSTLS\r\n',
    begin: '+OK Begin TLS\r\n',
    server: { greeting: '+OK ready\r\n', answer: answering([[/^STLS/, '+OK go\r\n']]) },
    without: [
      { greeting: '+OK ready\r\n', answer: answering([[/^STLS/, '-ERR what\r\n']]) },
      { greeting: '-ERR no\r\n' },
    ],
  },
  {
    protocol: 'nntp',
    program: {
      greeting: '200 ready\r\n',
      answer: answering([
        [/^CAPABILITIES/, '101 list\r\nVERSION 2\r\nREADER\r\nAUTHINFO USER\r\n.\r\n'],
      ]),
    },
    asks: 'CAPABILITIES\r\nSTARTTLS\r\n',
    begin: '382 Continue with TLS negotiation\r\n',
    server: { greeting: '201 ready\r\n', answer: answering([[/^STARTTLS/, '382 go\r\n']]) },
    without: [
      { greeting: '200 ready\r\n', answer: answering([[/^STARTTLS/, '502 no\r\n']]) },
      { greeting: '400 no\r\n' },
    ],
  },
  {
    protocol: 'ftp',
    program: { greeting: '220-mail.example.com\r\n220 ready\r\n' },
    asks: 'FEAT\r\nUSER anonymous\r\nAUTH TLS\r\n',
    begin: '234 AUTH TLS OK\r\n',
    server: { greeting: '220 ready\r\n', answer: answering([[/^AUTH TLS/, '234 go\r\n']]) },
    without: [
      { greeting: '220 ready\r\n', answer: answering([[/^AUTH TLS/, '502 what\r\n']]) },
      { greeting: '421 no\r\n' },
    ],
  },
  {
    protocol: 'ftps',
    program: { greeting: '220 ready\r\n' },
    asks: '',
    begin: '220 ready\r\n',
    server: {},
    without: [],
    implicit: true,
    tlsFollows: true,
  },
  chat('xmpp', 'jabber:client'),
  chat('xmpp-server', 'jabber:server'),
  {
    protocol: 'ldap',
    program: {},
    asks: ldapStartTls(7),
    begin: `\x30\x24\x02\x01\x07\x78\x1f\x0a\x01\x00\x04\x00\x04\x00\x8a\x161.3.6.1.4.1.1466.20037`,
    server: { answer: () => ldapResult(1, 0) },
    without: [
      { answer: () => ldapResult(1, 2) },
      { answer: () => ldapResult(2, 0) },
      { answer: () => 'HTTP/1.1 400 Bad Request\r\n\r\n' },
    ],
  },
  {
    protocol: 'postgres',
    program: {},
    asks: gssEncRequest + sslRequest,
    begin: 'S',
    server: { answer: () => 'S' },
    without: [{ answer: () => 'N' }, { answer: () => 'E\0\0\0\x10no such thing\0' }],
  },
  {
    protocol: 'mysql',
    program: { greeting: mysqlGreeting(false) },
    asks: mysqlSslRequest,
    begin: mysqlGreeting(true),
    asking: { answer: () => mysqlResponse },
    server: { greeting: mysqlGreeting(true) },
    without: [
      { greeting: mysqlGreeting(false) },
      { greeting: mysqlPacket(0, Buffer.from('\xff\x15\x04no', 'latin1')) },
    ],
    tlsFollows: true,
  },
  {
    protocol: 'irc',
    program: {},
    asks: 'CAP LS 302\r\nCAP REQ :tls\r\nSTARTTLS\r\n',
    begin: ':www.example.com 670 * :STARTTLS successful, proceed with TLS handshake\r\n',
    server: {
      greeting: ':irc.example.com NOTICE AUTH :*** Looking up your hostname\r\n',
      answer: () => ':irc.example.com 670 * :go\r\n',
    },
    without: [
      { answer: () => ':irc.example.com 421 * STARTTLS :Unknown command\r\n' },
      { answer: () => ':irc.example.com 691 * :Not now\r\n' },
    ],
  },
  {
    protocol: 'managesieve',
    program: {
      greeting: sieveCapabilities(),
      answer: answering([[/^CAPABILITY/, sieveCapabilities()]]),
    },
    asks: 'CAPABILITY\r\nSTARTTLS\r\n',
    begin: 'OK "Begin TLS"\r\n',
    server: {
      greeting: sieveCapabilities('"STARTTLS"\r\n'),
      answer: answering([[/^STARTTLS/, 'OK\r\n']]),
    },
    without: [
      { greeting: sieveCapabilities() },
      { greeting: 'BYE "no"\r\n' },
      {
        greeting: sieveCapabilities('"STARTTLS"\r\n'),
        answer: answering([[/^STARTTLS/, 'NO "not now"\r\n']]),
      },
    ],
  },
  {
    protocol: 'http-connect',
    program: {},
    asks: 'CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n\r\n',
    begin: 'HTTP/1.1 200 Connection established\r\n\r\n',
    server: { answer: () => 'HTTP/1.1 200 OK\r\nVia: 1.1 proxy\r\n\r\n' },
    without: [
      { answer: () => 'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n' },
      { answer: () => 'SSH-2.0-x\r\n\r\n' },
    ],
  },
];
