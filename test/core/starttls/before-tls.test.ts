import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProtocol, serverDialog } from '../../../src/core/starttls/dialogs.ts';
import { examples } from './examples.ts';
import { type Simulated, simulate } from './simulation.ts';

/** What a client says before TLS, and what it is answered where TLS is required. */
type Table = readonly (readonly [says: string, answer: string])[];

/** The rules are in the tables of src/core/starttls, with the sections of the RFCs. */
const tables: Readonly<Record<string, Table>> = {
  smtp: [
    ['EHLO me', '250-mail.example.com\r\n250-SIZE 1000\r\n250 STARTTLS'],
    ['HELO me', '250 OK, but STARTTLS comes first'],
    ['LHLO me', '500 5.5.1 Say EHLO'],
    ['NOOP', '250 2.0.0 OK'],
    ['RSET', '250 2.0.0 OK'],
    ['MAIL FROM:<a@example.com>', '530 5.7.0 Must issue a STARTTLS command first'],
    ['RCPT TO:<a@example.com>', '530 5.7.0 Must issue a STARTTLS command first'],
    ['DATA', '530 5.7.0 Must issue a STARTTLS command first'],
    ['AUTH PLAIN AGEAYg==', '530 5.7.0 Must issue a STARTTLS command first'],
    ['VRFY a', '530 5.7.0 Must issue a STARTTLS command first'],
    ['', '530 5.7.0 Must issue a STARTTLS command first'],
    ['STARTTLS now', '501 5.5.4 STARTTLS takes no parameter'],
    ['QUIT', '221 2.0.0 Bye'],
  ],
  lmtp: [
    ['LHLO me', '250-mail.example.com\r\n250-SIZE 1000\r\n250 STARTTLS'],
    ['EHLO me', '500 5.5.1 Say LHLO'],
    ['MAIL FROM:<a@example.com>', '530 5.7.0 Must issue a STARTTLS command first'],
  ],
  imap: [
    ['a CAPABILITY', '* CAPABILITY IMAP4rev1 IDLE STARTTLS LOGINDISABLED\r\na OK Done'],
    ['a NOOP', 'a OK Done'],
    ['a LOGIN b c', 'a NO [PRIVACYREQUIRED] STARTTLS comes first'],
    ['a AUTHENTICATE PLAIN AGEAYg==', 'a NO [PRIVACYREQUIRED] STARTTLS comes first'],
    ['a SELECT inbox', 'a NO [PRIVACYREQUIRED] STARTTLS comes first'],
    ['a STARTTLS now', 'a NO [PRIVACYREQUIRED] STARTTLS comes first'],
    ['a LOGIN {3}', '* BAD Unexpected before TLS\r\n* BYE'],
    ['no-command', '* BAD Unexpected before TLS\r\n* BYE'],
    ['a LOGOUT', '* BYE\r\na OK Done'],
  ],
  pop3: [
    ['CAPA', '+OK\r\nUIDL\r\nSTLS\r\n.'],
    ['NOOP', '+OK'],
    ['USER a', '-ERR STLS comes first'],
    ['PASS b', '-ERR STLS comes first'],
    ['APOP a 0', '-ERR STLS comes first'],
    ['AUTH PLAIN', '-ERR STLS comes first'],
    ['STLS now', '-ERR STLS comes first'],
    ['QUIT', '+OK Bye'],
  ],
  nntp: [
    ['CAPABILITIES', '101 Capability list:\r\nVERSION 2\r\nREADER\r\nSTARTTLS\r\n.'],
    ['MODE READER', '483 STARTTLS comes first'],
    ['AUTHINFO USER a', '483 STARTTLS comes first'],
    ['GROUP misc.test', '483 STARTTLS comes first'],
    ['STARTTLS now', '501 STARTTLS takes no arguments'],
    ['QUIT', '205 Bye'],
  ],
  ftp: [
    ['FEAT', '211-Features:\r\n AUTH TLS\r\n PBSZ\r\n PROT\r\n211 End'],
    ['NOOP', '200 OK'],
    ['USER a', '530 AUTH TLS comes first'],
    ['PASS b', '530 AUTH TLS comes first'],
    ['PORT 127,0,0,1,4,1', '530 AUTH TLS comes first'],
    ['PASV', '530 AUTH TLS comes first'],
    ['AUTH SSL', '504 Only AUTH TLS'],
    ['AUTH GSSAPI', '504 Only AUTH TLS'],
    ['CCC', '530 AUTH TLS comes first'],
    ['QUIT', '221 Goodbye'],
  ],
  irc: [
    ['CAP LS 302', ':www.example.com CAP * LS :tls'],
    ['CAP LIST', ':www.example.com CAP * LIST :'],
    ['CAP REQ :tls', ':www.example.com CAP * ACK :tls'],
    ['CAP REQ :sasl', ':www.example.com CAP * NAK :sasl'],
    ['PING :x', ':www.example.com PONG www.example.com :x'],
    ['NICK a', ':www.example.com 451 * :STARTTLS comes first'],
    ['PASS b', ':www.example.com 451 * :STARTTLS comes first'],
    ['USER a 0 * :b', ':www.example.com 451 * :STARTTLS comes first'],
    ['QUIT', 'ERROR :Closing link'],
  ],
  managesieve: [
    ['CAPABILITY', '"IMPLEMENTATION" "Dovecot Pigeonhole"\r\n"SASL" ""\r\n"STARTTLS"\r\nOK'],
    ['NOOP', 'OK'],
    ['AUTHENTICATE "PLAIN" "AGEAYg=="', 'NO (ENCRYPT-NEEDED) "STARTTLS comes first"'],
    ['LISTSCRIPTS', 'NO (ENCRYPT-NEEDED) "STARTTLS comes first"'],
    ['PUTSCRIPT "a" {10+}', 'BYE "STARTTLS comes first"'],
    ['LOGOUT', 'OK'],
  ],
  'http-connect': [
    [
      'GET / HTTP/1.1\r\n',
      'HTTP/1.1 405 Method Not Allowed\r\nAllow: CONNECT\r\nContent-Length: 0\r\nConnection: close\r\n',
    ],
    [
      'CONNECT www.example.com HTTP/1.1\r\n',
      'HTTP/1.1 400 Bad Request\r\nAllow: CONNECT\r\nContent-Length: 0\r\nConnection: close\r\n',
    ],
  ],
};

/** Protocols that are no lines: bytes, and the answer. */
const binary: Readonly<Record<string, Table>> = {
  ldap: [
    // Bind: result 13, confidentialityRequired, in a BindResponse.
    [
      '\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00',
      '\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x0d\x04\x00\x04\x00',
    ],
    // Search: the same in SearchResultDone.
    [
      '\x30\x25\x02\x01\x02\x63\x20\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\x87\x0bobjectClass\x30\x00',
      '\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\x0d\x04\x00\x04\x00',
    ],
    // Who am I: the same in ExtendedResponse.
    [
      '\x30\x1e\x02\x01\x03\x77\x19\x80\x171.3.6.1.4.1.4203.1.11.3',
      '\x30\x0c\x02\x01\x03\x78\x07\x0a\x01\x0d\x04\x00\x04\x00',
    ],
    // Abandon and unbind have no answer.
    ['\x30\x06\x02\x01\x04\x50\x01\x01', ''],
    ['\x30\x05\x02\x01\x05\x42\x00', ''],
  ],
  postgres: [
    // GSSENCRequest, then a start-up in the clear.
    ['\0\0\0\x08\x04\xd2\x16\x30', 'N'],
    [
      '\0\0\0\x17\0\x03\0\0user\0postgres\0\0',
      'E\0\0\0\x30SFATAL\0VFATAL\0C28000\0MTLS is required here\0\0',
    ],
    // A cancel request has none.
    ['\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02', ''],
  ],
  mysql: [
    [
      `\x24\0\0\x01\x05\xa2\x0b\0\0\0\0\x01\x21${'\0'.repeat(23)}\x61\0\0\0`,
      '\x31\0\0\x02\xff\x57\x0c#HY000Connections without TLS are refused here',
    ],
  ],
  xmpp: [
    [
      "<?xml version='1.0'?><stream:stream to='www.example.com' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'><auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>",
      "<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
    ],
  ],
};

function met(protocol: string, said: string, optional = false, clear = true): Simulated {
  const example = examples.find((each) => each.protocol === protocol);
  assert.ok(example);
  const dialog = serverDialog(parseProtocol(protocol), { optional });
  return simulate(dialog, { peer: { greeting: said }, program: example.program }, { clear });
}

/** What a client of that is told anyway, and what the program is asked by us. */
function silent(protocol: string, optional = false): Simulated {
  return met(protocol, '', optional);
}

for (const [protocol, table] of Object.entries({ ...tables, ...binary })) {
  const end = protocol in tables ? '\r\n' : '';
  for (const [says, answer] of table) {
    test(`${protocol}: before TLS ${JSON.stringify(says.slice(0, 60))} is answered ${JSON.stringify(answer.slice(0, 60))}`, () => {
      const before = silent(protocol);
      const { told, secured } = met(protocol, `${says}${end}`);
      const answered = told.peer.slice(before.told.peer.length);
      if (protocol === 'xmpp') assert.ok(answered.endsWith(answer), answered);
      else assert.equal(answered, answer === '' ? '' : `${answer}${end}`);
      assert.equal(secured, false);
      // The program heard no more than what we ask it ourselves.
      const ourQuestion = { smtp: 'EHLO www.example.com\r\n', lmtp: 'LHLO www.example.com\r\n' };
      const ours = ourQuestion[protocol as keyof typeof ourQuestion] ?? before.told.program;
      assert.ok([before.told.program, ours].includes(told.program), told.program);
    });
  }
}

/** What goes on in the clear where that is allowed: what the client says, and what the program hears at last. */
const inTheClear: Readonly<Record<string, readonly [says: string, hears: string]>> = {
  smtp: [
    'EHLO me\r\nMAIL FROM:<a@example.com>\r\n',
    'EHLO www.example.com\r\nEHLO me\r\nMAIL FROM:<a@example.com>\r\n',
  ],
  lmtp: [
    'LHLO me\r\nMAIL FROM:<a@example.com>\r\n',
    'LHLO www.example.com\r\nLHLO me\r\nMAIL FROM:<a@example.com>\r\n',
  ],
  imap: ['a CAPABILITY\r\nb LOGIN {3}\r\n', 'b LOGIN {3}\r\n'],
  pop3: ['USER a\r\n', 'CAPA\r\nUSER a\r\n'],
  nntp: ['GROUP misc.test\r\n', 'CAPABILITIES\r\nGROUP misc.test\r\n'],
  irc: ['CAP LS 302\r\nNICK a\r\n', 'NICK a\r\n'],
  managesieve: ['LISTSCRIPTS\r\n', 'LISTSCRIPTS\r\n'],
  ldap: [binary.ldap?.[0]?.[0] ?? '', binary.ldap?.[0]?.[0] ?? ''],
  postgres: ['\0\0\0\x17\0\x03\0\0user\0postgres\0\0', '\0\0\0\x17\0\x03\0\0'],
  mysql: [binary.mysql?.[0]?.[0] ?? '', (binary.mysql?.[0]?.[0] ?? '').slice(0, 36)],
};

for (const [protocol, [says, hears]] of Object.entries(inTheClear)) {
  test(`${protocol}: where TLS is optional, a client may go on in the clear, and the program hears it all`, () => {
    const { told, outcome, secured, wishes } = met(protocol, says, true);
    assert.equal(told.program, hears);
    assert.deepEqual([outcome, secured], ['through', false]);
    assert.ok(wishes.includes('clear'), 'nobody was asked');
  });

  test(`${protocol}: where TLS is optional but nobody may come in, it is required after all`, () => {
    const { told, outcome, wishes } = met(protocol, says, true, false);
    assert.ok(wishes.includes('clear'));
    assert.notEqual(outcome, 'through');
    const last = says.split('\r\n').at(-2) ?? says;
    assert.equal(told.program.includes(last), false, told.program);
    assert.notEqual(told.peer, silent(protocol, true).told.peer);
  });
}

test('where TLS is optional, whoever asks for it gets it', () => {
  for (const { protocol, program, asks, begin } of examples) {
    const found = parseProtocol(protocol);
    if (found.neverOptional !== undefined) continue;
    const dialog = serverDialog(found, { optional: true });
    const { secured, told, wishes } = simulate(dialog, { peer: { greeting: asks }, program });
    assert.equal(secured, true, protocol);
    assert.ok(told.peer.endsWith(begin), protocol);
    assert.equal(wishes.includes('clear'), false, protocol);
  }
});
