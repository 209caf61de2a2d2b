import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import type { ClientSideOptions } from '../../../../src/core/wrap/client/client-side.ts';
import { freshAddress, OwnNames, record } from '../../../programs/stage/own-names.ts';
import { freePort } from '../../../programs/stage/ports.ts';
import { echo, TlsServer } from '../../../programs/stage/tls-server.ts';
import { ClientStage, type Ran } from './stage/client-stage.ts';

const name = 'www.example.com';
const unprivileged = process.getuid?.() !== 0;
const address = freshAddress();

let stage: ClientStage;
let server: TlsServer;
/** Takes connections and says nothing. */
let mute: Server;

before(async () => {
  stage = await ClientStage.start();
  server = await TlsServer.start(stage.ca.credential(name), echo, { address });
  mute = createServer(() => undefined).listen(0, address);
  await once(mute, 'listening');
});

after(async () => {
  mute.close();
  await server[Symbol.asyncDispose]();
  await stage[Symbol.asyncDispose]();
});

/**
 * Runs a script, which fails by its assertions. It has SERVER, which proves to be www.example.com, and MUTE, which never
 * comes to TLS; `raw(f, …)` calls the C library without Python's own handling of signals and errors.
 */
async function holds(script: string, options: Partial<ClientSideOptions> = {}): Promise<string[]> {
  const ran = await program(script, options);
  assert.equal(ran.code, 0, ran.lost.join('\n'));
  return [...ran.lost];
}

function program(script: string, options: Partial<ClientSideOptions> = {}): Promise<Ran> {
  const mutePort = (mute.address() as AddressInfo).port;
  const prelude = `
import ctypes, errno, fcntl, os, select, signal, socket, struct, sys, threading, time
SERVER, MUTE = ("${address}", ${server.port}), ("${address}", ${mutePort})
libc = ctypes.CDLL(None, use_errno=True)
def sockaddr(place): return struct.pack("=HHI8x", socket.AF_INET, socket.htons(place[1]), struct.unpack("=I", socket.inet_aton(place[0]))[0])
def raw(f, *args):
    result = f(*args)
    return ctypes.get_errno() if result < 0 else 0
def connect(s, place): return raw(libc.connect, s.fileno(), sockaddr(place), 16)
def wait(s):
    p = select.poll()
    p.register(s, select.POLLOUT)
    assert p.poll(60000)
    return s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
def wait_for(s):
    p = select.poll()
    p.register(s, select.POLLOUT)
    return p.poll(0)
def exchange(s):
    s.settimeout(60)
    s.sendall(b"ping")
    assert s.recv(4) == b"ping"
def pending(place):
    s = socket.socket()
    s.setblocking(False)
    assert s.connect_ex(place) == errno.EINPROGRESS
    return s
`;
  const rules = [String(server.port), String(mutePort)];
  return stage.python(prelude + script, rules, { remoteId: name, ...options });
}

test('connects that the program gives up halfway leave no event and no complaint behind', async () => {
  const lost = await holds(`
poll = select.epoll()
for _ in range(30):
    s = pending(SERVER)
    poll.register(s, select.EPOLLIN | select.EPOLLOUT)
    s.close()
for _ in range(3):
    s = socket.create_connection(SERVER)
    exchange(s)
    s.close()
assert poll.poll(0.2) == [], poll.poll(0)
`);
  assert.deepEqual(lost, []);
});

test('a socket that was moved to another number meanwhile is found', async () => {
  await holds(`
s = pending(SERVER)
moved = socket.socket(fileno=fcntl.fcntl(s, fcntl.F_DUPFD_CLOEXEC, 200))
s.close()
assert wait(moved) == 0
exchange(moved)
`);
});

test('blocking connects under a timer of 1 ms whose handler restarts calls all come about', async () => {
  await holds(`
signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, False)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
for _ in range(50):
    s = socket.socket()
    code = connect(s, SERVER)
    assert code == 0, errno.errorcode[code]
    assert s.getpeername() == SERVER
    exchange(s)
    s.close()
signal.setitimer(signal.ITIMER_REAL, 0)
`);
});

test('what a call was interrupted in is not written to afterwards', async () => {
  await holds(`
s = socket.create_connection(SERVER, 60)
libc.getpeername.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, True)
signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
given_up = []
for _ in range(5000):
    name, size = ctypes.create_string_buffer(16), ctypes.c_uint32(16)
    code = raw(libc.getpeername, s.fileno(), ctypes.byref(name), ctypes.byref(size))
    if code == 0: assert name.raw[:8] == sockaddr(SERVER)[:8]
    else:
        assert code == errno.EINTR, code
        name.raw, size.value = b"?" * 16, 77
        given_up.append((name, size))
signal.setitimer(signal.ITIMER_REAL, 0)
assert all(name.raw == b"?" * 16 and size.value == 77 for name, size in given_up)
`);
});

test('a signal whose handler does not restart calls ends a blocking connect with EINTR, and it goes on behind', async () => {
  await holds(`
signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, True)
s = socket.socket()
# Again and again: the first may come before the call.
signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)
assert connect(s, MUTE) == errno.EINTR
signal.setitimer(signal.ITIMER_REAL, 0)
s.setblocking(False)
assert connect(s, MUTE) == errno.EALREADY
`);
});

test('a socket that another process goes on with, while it connects, gets its connection', async () => {
  const lost = await holds(`
s = pending(SERVER)
child = os.fork()
if child == 0:
    time.sleep(0.1)
    try:
        assert wait(s) == 0
        exchange(s)
    except BaseException as error:
        print(error, flush=True)
        os._exit(1)
    os._exit(0)
s.close()
assert os.waitpid(child, 0)[1] == 0
`);
  assert.deepEqual(lost, []);
});

test('a thread connects although the first thread of its process has ended', async () => {
  await holds(`
def work():
    time.sleep(0.2)
    try:
        s = socket.socket()
        assert connect(s, SERVER) == 0
        exchange(s)
        n = pending(SERVER)
        assert wait(n) == 0
        exchange(n)
        os._exit(0)
    except BaseException as e:
        print(e, file=sys.stderr)
        os._exit(1)
threading.Thread(target=work).start()
libc.pthread_exit(None)
`);
});

test('plaintext never leaves in a SYN: MSG_FASTOPEN is refused, TCP_FASTOPEN_CONNECT connects as usual', async () => {
  await holds(`
MSG_FASTOPEN, TCP_FASTOPEN_CONNECT = 0x20000000, 30
s = socket.socket()
for send in (lambda: s.sendto(b"secret", MSG_FASTOPEN, SERVER), lambda: s.sendmsg([b"secret"], [], MSG_FASTOPEN, SERVER)):
    try: send()
    except OSError as e: assert e.errno == errno.EOPNOTSUPP, e
    else: assert False
assert connect(s, SERVER) == 0
exchange(s)
s = socket.socket()
s.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
assert connect(s, SERVER) == 0
exchange(s)
`);
});

test('sendmmsg with MSG_FASTOPEN is refused, and ends a program that asks by the numbers of x32', async () => {
  const prelude = `
def sendmmsg(number):
    data, name = ctypes.create_string_buffer(b"secret", 6), ctypes.create_string_buffer(sockaddr(SERVER), 16)
    part = struct.pack("PN", ctypes.addressof(data), 6)
    parts = ctypes.create_string_buffer(part, len(part))
    header = struct.pack("PI4xPNPNi4xI4x", ctypes.addressof(name), 16, ctypes.addressof(parts), 1, 0, 0, 0, 0)
    messages = ctypes.create_string_buffer(header, len(header))
    s = socket.socket()
    return raw(libc.syscall, number, s.fileno(), messages, 1, 0x20000000)
`;
  const native = { x64: 307, arm64: 269, riscv64: 269 }[process.arch as string];
  await holds(`${prelude}assert sendmmsg(${native}) == errno.EOPNOTSUPP`);
  if (process.arch !== 'x64') return;
  const ran = await program(`${prelude}sendmmsg(0x40000000 | 538)`);
  assert.notEqual(ran.code, 0);
  assert.match(ran.lost.join(), /^foreign: /);
});

test('sockets that carry streams in other ways than TCP cannot be made, and the log says so', async () => {
  const lost = await holds(`
SCTP, DCCP, SOCK_DCCP, SMC = 132, 33, 6, 43
for family in (socket.AF_INET, socket.AF_INET6):
    for kind in ((socket.SOCK_STREAM, SCTP), (socket.SOCK_SEQPACKET, 0), (SOCK_DCCP, DCCP), (SOCK_DCCP | socket.SOCK_CLOEXEC, 0)):
        try: socket.socket(family, *kind)
        except OSError as e: assert e.errno == errno.EPROTONOSUPPORT, e
        else: assert False
assert raw(libc.socket, SMC, socket.SOCK_STREAM, 0) == errno.EAFNOSUPPORT
socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
`);
  assert.equal(lost.length, 9);
  for (const line of lost) assert.match(line, /^socket: TLS cannot be put on SCTP/);
});

test('a connection that stays plain leads where was decided about, whatever the program writes over it', async () => {
  const port = await freePort();
  await holds(
    `
plain, secured = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", ${port}))
leaked, over = [], False
def take(server, wrong):
    while True:
        met, _ = server.accept()
        met.settimeout(60)
        try: first = met.recv(1)
        except OSError: first = b""
        if first == wrong: leaked.append(first)
        met.close()
threading.Thread(target=take, args=(plain, b"\\x16"), daemon=True).start()
threading.Thread(target=take, args=(secured, b"p"), daemon=True).start()
one, other = sockaddr(plain.getsockname()), sockaddr(secured.getsockname())
place = ctypes.create_string_buffer(one, 16)
def rewrite():
    while not over:
        ctypes.memmove(place, other, 16)
        ctypes.memmove(place, one, 16)
rewriting = threading.Thread(target=rewrite)
rewriting.start()
plainly = 0
for _ in range(200):
    s = socket.socket()
    if raw(libc.connect, s.fileno(), place, 16) == 0:
        plainly += 1
        s.sendall(b"plain")
    s.close()
over = True
rewriting.join()
assert plainly > 0
assert leaked == [], leaked
`,
    { rules: [{ host: undefined, port, treatment: { kind: 'tls' } }] },
  );
});

test('a plain connection waits as the program wants: refused, interrupted, or gone on with', async () => {
  await holds(`
nobody = socket.socket()
nobody.bind(("127.0.0.1", 0))
s = socket.socket()
assert connect(s, nobody.getsockname()) == errno.ECONNREFUSED
full = socket.socket()
full.bind(("127.0.0.1", 0))
full.listen(0)
place = full.getsockname()
held = []
while True:
    n = socket.socket()
    n.setblocking(False)
    held.append(n)
    assert n.connect_ex(place) in (0, errno.EINPROGRESS)
    p = select.poll()
    p.register(n, select.POLLOUT)
    if not p.poll(300): break
signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, True)
signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)
b = socket.socket()
assert connect(b, place) == errno.EINTR
signal.setitimer(signal.ITIMER_REAL, 0)
assert held[-1].connect_ex(place) == errno.EALREADY
while True:
    full.settimeout(0.1)
    try: held.append(full.accept()[0])
    except OSError: pass
    if wait_for(b): break
assert connect(b, place) in (0, errno.EISCONN)
assert connect(b, place) == errno.EISCONN
`);
});

test('an MPTCP socket becomes a TCP one, its registration with epoll and its options with it', async () => {
  await holds(`
try: s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
except OSError: sys.exit(0)
s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
s.setblocking(False)
poll = select.epoll()
poll.register(s, select.EPOLLOUT)
assert s.connect_ex(SERVER) == errno.EINPROGRESS
deadline = time.monotonic() + 60
while True:
    events = poll.poll(1)
    if events and not events[0][1] & select.EPOLLHUP: break
    assert time.monotonic() < deadline
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL) == socket.IPPROTO_TCP
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
exchange(s)
`);
});

test('urgent data goes on in its place', async () => {
  await holds(`
s = socket.socket()
assert connect(s, SERVER) == 0
s.settimeout(60)
s.sendall(b"p")
s.send(b"i", socket.MSG_OOB)
s.sendall(b"ng")
said = b""
while len(said) < 4: said += s.recv(4)
assert said == b"ping", said
`);
});

test('a blocking connect with SO_SNDTIMEO gives up waiting with EINPROGRESS', async () => {
  await holds(`
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", 0, 200000))
assert connect(s, MUTE) == errno.EINPROGRESS
`);
});

test('a server that never comes to TLS is a time-out', async () => {
  const lost = await holds(
    `
s = socket.socket()
assert connect(s, MUTE) == errno.ETIMEDOUT
n = pending(MUTE)
assert wait(n) == errno.ETIMEDOUT
`,
    { handshakeTimeout: 300 },
  );
  assert.equal(lost.length, 2);
});

test('a port where nobody listens is refused, and the same socket connects elsewhere afterwards', async () => {
  await holds(
    `
s = socket.socket()
s.bind(("127.0.0.1", 0))
nobody = socket.socket()
nobody.bind(("127.0.0.1", 0))
place = nobody.getsockname()
assert connect(s, place) == errno.ECONNREFUSED
n = pending(place)
assert wait(n) == errno.ECONNREFUSED
assert connect(s, SERVER) == 0
assert s.getsockname()[0] == "127.0.0.1"
exchange(s)
`,
    { rules: [{ host: undefined, port: server.port, treatment: { kind: 'tls' } }] },
  );
});

test('a socket of IPv6 reaches IPv4, bound or not, unless it is for IPv6 only', async () => {
  await holds(`
place = ("::ffff:" + SERVER[0], SERVER[1])
for own in (None, ("::ffff:127.0.0.1", 0)):
    s = socket.socket(socket.AF_INET6)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    if own: s.bind(own)
    s.connect(place)
    assert s.getpeername()[:2] == place, s.getpeername()
    exchange(s)
s = socket.socket(socket.AF_INET6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
assert s.connect_ex(place) == errno.ENETUNREACH
`);
});

test('what was dissolved by AF_UNSPEC may connect again', async () => {
  await holds(`
s = pending(MUTE)
libc.connect(s.fileno(), struct.pack("=H14x", socket.AF_UNSPEC), 16)
s.setblocking(True)
assert connect(s, SERVER) == 0
exchange(s)
`);
});

test('keepalive and options of the socket stay as the program set them', async () => {
  await holds(`
s = socket.socket()
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 4000)
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 3)
assert connect(s, SERVER) == 0
assert s.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 4000
assert s.getsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT) == 3
exchange(s)
`);
});

test('nobody is asked for names but DNS: nscd refuses, other UNIX sockets are left alone', async () => {
  await holds(`
s = socket.socket(socket.AF_UNIX)
assert s.connect_ex("/var/run/nscd/socket") == errno.ECONNREFUSED
assert s.connect_ex("/run/systemd/resolve/io.systemd.Resolve") == errno.ECONNREFUSED
l = socket.socket(socket.AF_UNIX)
l.bind("\\0tlspool-test-%d" % os.getpid())
l.listen()
s.connect("\\0tlspool-test-%d" % os.getpid())
`);
});

test('within this machine nothing is wrapped that no flag names', async () => {
  await holds(`
l = socket.create_server(("127.0.0.1", 0))
s = socket.create_connection(l.getsockname())
c, peer = l.accept()
assert peer == s.getsockname() and c.getsockname() == s.getpeername()
c.sendall(b"plain")
assert s.recv(5) == b"plain"
`);
});

test('without a name the connection is refused, and the log names the flag', async () => {
  const lost = await holds(
    `
s = socket.socket()
assert connect(s, SERVER) == errno.ECONNREFUSED
n = socket.socket()
n.setblocking(False)
assert n.connect_ex(SERVER) == errno.ECONNREFUSED
`,
    { remoteId: undefined },
  );
  assert.match(lost[0] ?? '', new RegExp(`--client-tls HOST:${server.port}`));
});

test('TLS inside of TLS is told of where the program speaks first, however long it thinks', async () => {
  const rules = [
    {
      host: undefined,
      port: server.port,
      treatment: { kind: 'tls', service: 'https' },
    } as const,
  ];
  const lost = await holds(
    `
s = socket.create_connection(SERVER, 60)
time.sleep(1)
s.sendall(bytes.fromhex("16030100c8010000c4"))
try: assert s.recv(4) == b""
except ConnectionResetError: pass
`,
    { rules },
  );
  assert.match(lost.join('\n'), /the program speaks TLS there itself/);
});

test('of a hundred connections at once each is its own', async () => {
  await holds(`
sockets = [pending(SERVER) for _ in range(100)]
for s in sockets: assert wait(s) == 0
for i, s in enumerate(sockets):
    s.setblocking(True)
    s.sendall(b"%3d" % i)
for i, s in enumerate(sockets): assert s.recv(3) == b"%3d" % i
`);
});

test('names are inherited by children, and what a helper asked is known to all', {
  skip: unprivileged,
}, async () => {
  await using names = await OwnNames.start(
    [record.a(name, address)],
    [`${freshAddress()} unused.example.com`],
  );
  const script = `
import os, socket, subprocess, sys
def reach(place):
    s = socket.create_connection(place, 60)
    s.sendall(b"ping")
    assert s.recv(4) == b"ping"
def child(what):
    pid = os.fork()
    if pid == 0:
        try: what()
        except BaseException as e:
            print(e, file=sys.stderr)
            os._exit(1)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
place = (socket.gethostbyname("${name}"), ${server.port})
child(lambda: child(lambda: reach(place)))
`;
  const helper = `
import os, socket, subprocess, sys
ip = subprocess.check_output([sys.executable, "-c", "import socket; print(socket.gethostbyname('${name}'))"], text=True).strip()
s = socket.create_connection((ip, ${server.port}), 60)
s.sendall(b"ping")
assert s.recv(4) == b"ping"
`;
  for (const each of [script, helper]) {
    const ran = await stage.python(each, [String(server.port)], {
      within: (command) => names.seenBy(command),
    });
    assert.equal(ran.code, 0, ran.lost.join('\n'));
  }
});

test('a name of /etc/hosts is the name', { skip: unprivileged }, async () => {
  await using names = await OwnNames.start([], [`${address} ${name} www`]);
  const ran = await stage.python(
    `
import socket
s = socket.create_connection(("www", ${server.port}), 60)
s.sendall(b"ping")
assert s.recv(4) == b"ping"
`,
    [String(server.port)],
    { within: (command) => names.seenBy(command) },
  );
  assert.equal(ran.code, 0, ran.lost.join('\n'));
});
