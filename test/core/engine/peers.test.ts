/** Other implementations at the other end: OpenSSL of the system, GnuTLS. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { event, until, within } from '../../patience.ts';
import { freePort } from '../../programs/stage/ports.ts';
import { Running } from '../../programs/stage/running.ts';
import {
  connectedFd,
  type Kind,
  type Leaf,
  listen,
  open,
  Pki,
  plaintext,
  startEngine,
} from './fixture.ts';

const pki = new Pki();
const engine = startEngine();
const kinds: readonly Kind[] = ['p256', 'p384', 'ed25519', 'rsa'];
const leaves = new Map<Kind, Leaf>(kinds.map((kind) => [kind, pki.leaf(kind, 'server.example')]));

after(async () => {
  await engine.stop();
  pki[Symbol.dispose]();
});

function leafOf(kind: Kind): Leaf {
  const leaf = leaves.get(kind);
  assert.ok(leaf);
  return leaf;
}

/** Runs a client against a session that answers "pong" to what it hears; gives what it printed and its exit code. */
async function visitBy(
  kind: Kind,
  command: string,
  args: (port: number) => string[],
): Promise<{ text: string; code: number }> {
  using listener = listen();
  const credential = await pki.credential(engine, leafOf(kind));
  const accepted = listener.accept();
  await using client = new Running(command, args(listener.port), { stdio: 'pipe' });
  client.child.stdin?.on('error', () => {}).write('ping\n');
  const { fd, program } = plaintext();
  const session = open(engine, {
    fd: await accepted,
    role: 'server',
    local: { credentials: [credential] },
    plainFd: fd,
  });
  const established = await session.established;
  if (!established) assert.fail(JSON.stringify((await session.closed).failure));
  assert.equal((await event(program, 'data')).toString(), 'ping\n');
  program.write('pong\n');
  // A client that is told to end before it has read what came might not print it.
  await client.printing(/pong/);
  client.child.stdin?.end();
  program.resume().on('end', () => program.end());
  assert.equal((await session.closed).reason, 'closed');
  return {
    code: await within(`the end of ${command}`, client.ended),
    text: client.stdout + client.stderr,
  };
}

for (const kind of kinds) {
  for (const version of ['-tls1_3', '-tls1_2']) {
    test(`openssl s_client ${version} verifies a ${kind} server`, async () => {
      const { text, code } = await visitBy(kind, 'openssl', (port) => [
        's_client',
        '-connect',
        `127.0.0.1:${port}`,
        '-CAfile',
        pki.caFile,
        '-verify_return_error',
        '-verify_hostname',
        'server.example',
        version,
      ]);
      assert.match(text, /Verif(y return code|ication): (0 )?\(?OK/i);
      assert.match(text, /pong/);
      assert.equal(code, 0);
    });
  }
  for (const version of ['1.3', '1.2']) {
    test(`gnutls-cli verifies a ${kind} server over TLS ${version}`, async () => {
      const { text, code } = await visitBy(kind, 'gnutls-cli', (port) => [
        '--x509cafile',
        pki.caFile,
        '--verify-hostname',
        'server.example',
        '--sni-hostname',
        'server.example',
        '--priority',
        `NORMAL:-VERS-ALL:+VERS-TLS${version}`,
        '-p',
        String(port),
        '127.0.0.1',
      ]);
      assert.match(text, /The certificate is trusted/);
      assert.match(text, /pong/);
      assert.equal(code, 0);
    });
  }
}

/** Our client against a server program that sends back what it hears, or its greeting. */
async function visitTo(command: string, args: string[], port: number): Promise<string> {
  await using _server = new Running(command, args);
  let fd: number | undefined;
  await until(`${command} listens`, async () => {
    fd = await connectedFd(port).catch(() => undefined);
    return fd !== undefined;
  });
  assert.ok(fd !== undefined);
  const { fd: plainFd, program } = plaintext();
  const session = open(
    engine,
    { fd, role: 'client', serverName: 'server.example', plainFd },
    {
      verifyPeer: (event) => {
        engine.verifyPath({ chain: event.chain, anchors, role: 'server' }).then((verdict) => {
          if (verdict.ok) engine.acceptPeer(event.session, { name: 'server.example', until: 0 });
          else engine.refuse(event.session, 'unknown_ca', verdict.message);
        });
      },
    },
  );
  const established = await session.established;
  if (!established) assert.fail(JSON.stringify((await session.closed).failure));
  program.write('GET / HTTP/1.0\r\n\r\n');
  await event(program, 'data');
  program.end();
  program.resume();
  await session.closed;
  return established.version;
}

const anchors = engine.createAnchors([pki.ca()]);

for (const kind of kinds) {
  test(`as client we talk to openssl s_server with a ${kind} key`, async () => {
    const port = await freePort();
    const leaf = leafOf(kind);
    const version = await visitTo(
      'openssl',
      [
        's_server',
        '-accept',
        `127.0.0.1:${port}`,
        '-cert',
        leaf.certificateFile,
        '-key',
        leaf.keyFile,
        '-www',
      ],
      port,
    );
    assert.equal(version, 'TLSv1.3');
  });
  test(`as client we talk to gnutls-serv with a ${kind} key, TLS 1.2`, async () => {
    const port = await freePort();
    const leaf = leafOf(kind);
    const version = await visitTo(
      'gnutls-serv',
      [
        '--http',
        '--port',
        String(port),
        '--x509certfile',
        leaf.certificateFile,
        '--x509keyfile',
        leaf.keyFile,
        '--priority',
        'NORMAL:-VERS-ALL:+VERS-TLS1.2',
      ],
      port,
    );
    assert.equal(version, 'TLSv1.2');
  });
}

test('as client we come back with another group where the server wants one', async () => {
  const leaf = leafOf('p256');
  const [openssl, gnutls] = [await freePort(), await freePort()];
  const servers: readonly [string, string[], number][] = [
    [
      'openssl',
      [
        ...['s_server', '-accept', `127.0.0.1:${openssl}`, '-www', '-groups', 'P-384'],
        ...['-cert', leaf.certificateFile, '-key', leaf.keyFile],
      ],
      openssl,
    ],
    [
      'gnutls-serv',
      [
        ...['--http', '--port', String(gnutls)],
        ...['--x509certfile', leaf.certificateFile, '--x509keyfile', leaf.keyFile],
        ...['--priority', 'NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-SECP384R1'],
      ],
      gnutls,
    ],
  ];
  for (const [command, args, port] of servers) {
    assert.equal(await visitTo(command, args, port), 'TLSv1.3', command);
  }
});
