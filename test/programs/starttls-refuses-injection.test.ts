import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { event, within } from '../patience.ts';
import { name } from './stage/clients.ts';
import { PlainServer } from './stage/plain-server.ts';
import { Pool } from './stage/pool.ts';
import { ScriptedServer } from './stage/scripted-server.ts';
import { Tunnels } from './stage/starttls-programs.ts';

/** What somebody on the way puts in. Everything here goes over real sockets, as the bytes that stand here. */
const injected = 'INJECTED by somebody on the way\r\n';

const xmppTls = "xmlns='urn:ietf:params:xml:ns:xmpp-tls'";
const stream = (content: string) =>
  `<?xml version='1.0'?><stream:stream to='www.example.com' xmlns='${content}' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`;
const startTlsOid = '\x80\x161.3.6.1.4.1.1466.20037';

interface Attack {
  /** What the plaintext program greets with, and answers to what begins so. */
  readonly greeting: string;
  readonly answers?: readonly (readonly [begins: string, answer: string])[];
  /** What a client says, the request for TLS last; the injected bytes follow in the same segment. */
  readonly asks: string;
  /** What a client would be answered last. It is told nothing, and TLS does not begin. */
  readonly begin: string;
  /** What a server says to our client, step by step; the injected bytes follow the last in the same segment. */
  readonly server: readonly string[];
}

const mail = (hello: string): Attack => ({
  greeting: '220 plain.example.com\r\n',
  answers: [[hello, '250-plain.example.com\r\n250 SIZE 1000\r\n']],
  asks: `${hello} client.example.com\r\nSTARTTLS\r\n`,
  begin: '220 2.0.0 Ready to start TLS\r\n',
  server: [
    '220 mail.example.com\r\n',
    '250-mail.example.com\r\n250 STARTTLS\r\n',
    '220 Go ahead\r\n',
  ],
});
const chat = (content: string): Attack => ({
  greeting: '',
  asks: `${stream(content)}<starttls ${xmppTls}/>`,
  begin: `<proceed ${xmppTls}/>`,
  server: [
    `${stream(content)}<stream:features><starttls ${xmppTls}/></stream:features>`,
    `<proceed ${xmppTls}/>`,
  ],
});

const attacks: Readonly<Record<string, Attack>> = {
  smtp: mail('EHLO'),
  lmtp: mail('LHLO'),
  imap: {
    greeting: '* OK [CAPABILITY IMAP4rev1] plain\r\n',
    asks: 'a CAPABILITY\r\nb STARTTLS\r\n',
    begin: 'b OK Begin TLS\r\n',
    server: [
      '* OK ready\r\n',
      '* CAPABILITY IMAP4rev1 STARTTLS\r\ntls0 OK Done\r\n',
      'tls1 OK Begin\r\n',
    ],
  },
  pop3: {
    greeting: '+OK plain\r\n',
    answers: [['CAPA', '+OK\r\nUIDL\r\n.\r\n']],
    asks: 'CAPA\r\nSTLS\r\n',
    begin: '+OK Begin TLS\r\n',
    server: ['+OK ready\r\n', '+OK Begin\r\n'],
  },
  nntp: {
    greeting: '200 plain\r\n',
    answers: [['CAPABILITIES', '101 list\r\nVERSION 2\r\nREADER\r\n.\r\n']],
    asks: 'CAPABILITIES\r\nSTARTTLS\r\n',
    begin: '382 Continue with TLS negotiation\r\n',
    server: ['200 ready\r\n', '382 Continue\r\n'],
  },
  ftp: {
    greeting: '220 plain\r\n',
    asks: 'FEAT\r\nAUTH TLS\r\n',
    begin: '234 AUTH TLS OK\r\n',
    server: ['220 ready\r\n', '234 Go\r\n'],
  },
  xmpp: chat('jabber:client'),
  'xmpp-server': chat('jabber:server'),
  ldap: {
    greeting: '',
    asks: `\x30\x1d\x02\x01\x07\x77\x18${startTlsOid}`,
    begin: `\x30\x24\x02\x01\x07\x78\x1f\x0a\x01\x00\x04\x00\x04\x00\x8a\x161.3.6.1.4.1.1466.20037`,
    server: ['\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00'],
  },
  postgres: {
    greeting: '',
    // GSSENCRequest, then SSLRequest (CVE-2021-23214, CVE-2021-23222).
    asks: '\0\0\0\x08\x04\xd2\x16\x30\0\0\0\x08\x04\xd2\x16\x2f',
    begin: 'S',
    server: ['S'],
  },
  irc: {
    greeting: '',
    asks: 'CAP LS 302\r\nSTARTTLS\r\n',
    begin: ':www.example.com 670 * :STARTTLS successful, proceed with TLS handshake\r\n',
    server: [':irc.example.com 670 * :Go\r\n'],
  },
  managesieve: {
    greeting: '"SASL" "PLAIN"\r\nOK "plain"\r\n',
    asks: 'CAPABILITY\r\nSTARTTLS\r\n',
    begin: 'OK "Begin TLS"\r\n',
    server: ['"SASL" ""\r\n"STARTTLS"\r\nOK "ready"\r\n', 'OK "Begin"\r\n'],
  },
  'http-connect': {
    greeting: '',
    asks: 'CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n\r\n',
    begin: 'HTTP/1.1 200 Connection established\r\n\r\n',
    server: ['HTTP/1.1 200 OK\r\n\r\n'],
  },
};

const complaint = '\\d+ bytes were sent in the clear behind what starts TLS';

const stage = new AsyncDisposableStack();
const programs = new Map<string, ScriptedServer>();
let pool: Pool;
let servers: Tunnels;
let clients: Tunnels;
before(async () => {
  pool = stage.use(await Pool.serving([[name]]));
  const serving: Record<string, readonly string[]> = {};
  const asking: Record<string, readonly string[]> = {};
  for (const [protocol, attack] of Object.entries(attacks)) {
    const answer = (line: string) =>
      attack.answers?.find(([begins]) => line.startsWith(begins))?.[1];
    const program = stage.use(await ScriptedServer.start(attack.greeting, answer));
    programs.set(protocol, program);
    serving[protocol] = [`connect ${program.address}`, `starttls ${protocol}`];
    const evil = stage.use(await injectingServer(protocol, attack.server));
    const starttls = protocol === 'http-connect' ? `${protocol}=${name}:443` : protocol;
    const words = ['client yes', `remote_id ${name}`, `connect ${evil.address}`];
    asking[protocol] = [...words, `starttls ${starttls}`];
  }
  servers = stage.use(await Tunnels.open(pool, 'servers.conf', serving));
  clients = stage.use(await Tunnels.open(pool, 'clients.conf', asking));
});
after(() => stage.disposeAsync());

/** Says one step after the other, and more than it should in the last. */
function injectingServer(protocol: string, steps: readonly string[]): Promise<PlainServer> {
  const speaksFirst = !/^(?:xmpp|ldap|postgres|irc|http)/.test(protocol);
  return PlainServer.start((socket) => {
    const left = [...steps];
    const say = () => {
      const step = left.shift();
      const more = left.length === 0 ? injected : '';
      if (step !== undefined) socket.write(`${step}${more}`, 'latin1');
    };
    if (speaksFirst) say();
    socket.on('data', say);
  });
}

/** Says it all in one segment, and gives all that came until the other side hung up. */
async function told(port: number, words: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  let heard = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    heard += text;
  });
  socket.write(words, 'latin1');
  await closed(socket);
  return heard;
}

/** However it came to that. */
function closed(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once('close', () => resolve());
  return within('the end of the connection', promise);
}

for (const [protocol, { asks, begin }] of Object.entries(attacks)) {
  const bytes = JSON.stringify(asks + injected);
  test(`${protocol}, as the server: ${bytes} is refused`, async () => {
    const heard = await told(servers.port(protocol), asks + injected);
    assert.equal(heard.includes(begin), false, heard);
    assert.doesNotMatch(programs.get(protocol)?.heard.join('\n') ?? '', /INJECTED|client\.example/);
    await servers.running.saying(new RegExp(`: ${protocol}: ${complaint}`));
  });
}

for (const [protocol, { server }] of Object.entries(attacks)) {
  const bytes = JSON.stringify(server.at(-1) + injected);
  test(`${protocol}, as the client: ${bytes} is refused`, async () => {
    // The program of the client is told nothing at all.
    assert.equal(await told(clients.port(protocol), 'hello\r\n'), '');
    await clients.running.saying(new RegExp(`: ${protocol}: ${complaint}`));
  });
}

/** A greeting of MariaDB with CLIENT_SSL, and the first 32 bytes of a log-in that asks for TLS. */
const mysqlGreeting =
  '\x59\0\0\0\x0a5.5.5-10.11.0-MariaDB\0\x01\0\0\0saltsalt\0\xfe\xff\x21\x02\0\xff\x81\x15' +
  `${'\0'.repeat(10)}saltsaltsalt\0mysql_native_password\0`;
const mysqlRequest = `\x20\0\0\x01\x05\xae\x0b\0\0\0\0\x01\x21${'\0'.repeat(23)}`;

test(`mysql, as the server: what follows ${JSON.stringify(mysqlRequest)} is taken for TLS, and nothing else`, async () => {
  await using program = await ScriptedServer.start(mysqlGreeting, () => undefined);
  const words = [`connect ${program.address}`, 'starttls mysql'];
  await using server = await Tunnels.open(pool, 'mysql.conf', { mysql: words });
  const heard = await told(server.port('mysql'), mysqlRequest + injected);
  // The greeting, then an alert of TLS at most.
  const behind = heard.slice(mysqlGreeting.length);
  assert.ok(behind === '' || behind.startsWith('\x15\x03'), behind);
  assert.deepEqual(program.heard, []);
  await server.running.saying(/: mysql: /);
});

test(`mysql, as the client: ${JSON.stringify(mysqlGreeting + injected)} is refused`, async () => {
  await using evil = await PlainServer.start((socket) => {
    socket.write(mysqlGreeting + injected, 'latin1');
  });
  const words = ['client yes', `remote_id ${name}`, `connect ${evil.address}`, 'starttls mysql'];
  await using client = await Tunnels.open(pool, 'mysql-client.conf', { mysql: words });
  assert.equal(await told(client.port('mysql'), 'hello'), '');
  await client.running.saying(new RegExp(`: mysql: ${complaint}`));
});

test('postgres without a request needs ALPN: whoever speaks another protocol over TLS is not let in (ALPACA)', async () => {
  const options = { host: '127.0.0.1', port: servers.port('postgres'), servername: name };
  const known = programs.get('postgres')?.heard.length;
  for (const ALPNProtocols of [undefined, ['http/1.1']]) {
    const socket = connectTls({
      ...options,
      rejectUnauthorized: false,
      ...(ALPNProtocols && { ALPNProtocols }),
    });
    socket.on('error', () => undefined);
    socket.write(injected);
    await closed(socket);
    assert.equal(programs.get('postgres')?.heard.length, known);
  }
  const socket = connectTls({
    ...options,
    rejectUnauthorized: false,
    ALPNProtocols: ['postgresql'],
  });
  await event(socket, 'secureConnect');
  assert.equal(socket.alpnProtocol, 'postgresql');
  socket.end();
  await closed(socket.resume());
});
