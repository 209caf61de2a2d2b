import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { freshAddress, OwnNames, record } from '../../../programs/stage/own-names.ts';
import { echo, TlsServer } from '../../../programs/stage/tls-server.ts';
import { ClientStage } from './stage/client-stage.ts';

const name = 'www.example.com';
const unprivileged = process.getuid?.() !== 0;
const address = freshAddress();

let stage: ClientStage;
let server: TlsServer;

before(async () => {
  stage = await ClientStage.start();
  server = await TlsServer.start(stage.ca.credential(name), echo, { address });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await stage[Symbol.asyncDispose]();
});

/** Runs a script that finds HOST (an address) and PORT defined; its server must prove to be www.example.com. */
function python(script: string) {
  const given = `import socket, select, os, time, errno\nHOST, PORT = "${address}", ${server.port}\n`;
  return stage.python(given + script, [String(server.port)], { remoteId: name });
}

const exchange = `
def exchange(s):
    s.settimeout(100)
    s.sendall(b"ping")
    assert s.recv(4) == b"ping"
    s.shutdown(socket.SHUT_WR)
    assert s.recv(4) == b""
`;

test('a blocking connect returns when the server is proved, and the socket looks connected to it', async () => {
  const ran = await python(`${exchange}
s = socket.socket()
s.connect((HOST, PORT))
assert s.getpeername() == (HOST, PORT), s.getpeername()
assert s.getsockname()[0].startswith("127."), s.getsockname()
assert s.getblocking()
# As a call that is made again because a signal took its answer.
assert s.connect_ex((HOST, PORT)) == 0
assert s.connect_ex((HOST, PORT)) == errno.EISCONN
exchange(s)
`);
  assert.deepEqual(ran, { code: 0, stdout: '', lost: [] });
});

test('a non-blocking connect, registered with epoll before, tells its success as the kernel does', async () => {
  const ran = await python(`${exchange}
s = socket.socket()
s.setblocking(False)
poll = select.epoll()
poll.register(s, select.EPOLLOUT | select.EPOLLIN | select.EPOLLET)
poll.poll(0)
assert s.connect_ex((HOST, PORT)) == errno.EINPROGRESS
# It may be connected before the program comes to its next call.
assert s.connect_ex((HOST, PORT)) in (errno.EALREADY, 0)
try: s.getpeername()
except OSError as e: assert e.errno == errno.ENOTCONN
assert poll.poll(100) == [(s.fileno(), select.EPOLLOUT)]
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
assert s.connect_ex((HOST, PORT)) in (0, errno.EISCONN)
assert s.connect_ex((HOST, PORT)) == errno.EISCONN
assert s.getpeername() == (HOST, PORT)
exchange(s)
`);
  assert.deepEqual(ran, { code: 0, stdout: '', lost: [] });
});

test('a server that is somebody else is refused, blocking or not, and the log says why', async () => {
  const script = `
import socket, select, errno
s = socket.socket()
assert s.connect_ex(("${address}", ${server.port})) == errno.ECONNREFUSED
n = socket.socket()
n.setblocking(False)
assert n.connect_ex(("${address}", ${server.port})) == errno.EINPROGRESS
p = select.poll()
p.register(n, select.POLLOUT)
(fd, events), = p.poll(100000)
assert events & select.POLLERR, events
assert n.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
assert n.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
`;
  const ran = await stage.python(script, [String(server.port)], { remoteId: 'mail.example.com' });
  assert.equal(ran.code, 0);
  assert.equal(ran.lost.length, 2);
  assert.match(
    ran.lost[0] ?? '',
    /the certificate is for www.example.com, not for mail.example.com/,
  );
});

test('the name that the program asked DNS for is the one that is proved, and shown as SNI', {
  skip: unprivileged,
}, async () => {
  await using names = await OwnNames.start([
    record.cname(name, 'node7.example.net'),
    record.a('node7.example.net', address),
    record.a('other.example.com', address),
  ]);
  const asked = server.askedFor.length;
  const script = `${exchange}
import socket, errno
s = socket.create_connection(("www.example.com", ${server.port}))
exchange(s)
try: socket.create_connection(("other.example.com", ${server.port}))
except ConnectionRefusedError: pass
else: assert False
exchange(socket.create_connection(("www.example.com", ${server.port})))
`;
  const ran = await stage.python(script, [String(server.port)], {
    within: (command) => names.seenBy(command),
  });
  assert.equal(ran.code, 0, ran.lost.join('\\n'));
  assert.deepEqual(server.askedFor.slice(asked), [name, name]);
});
