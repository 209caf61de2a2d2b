import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { name } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { freePort } from './stage/ports.ts';
import { run } from './stage/running.ts';
import { tunnelled, wrapped, wrappedWhole } from './stage/wrapped.ts';

const john = 'john@example.com';
const stage = new AsyncDisposableStack();
let pool: Pool;
before(async () => {
  pool = stage.use(await Pool.serving([[name], [john]]));
});
after(() => stage.disposeAsync());

/** Greets, and says to EHLO who its client is. */
const mailer = `
printf '220 plain.example.com ESMTP\\r\\n'
while read -r line; do
  case "$line" in
    [Ee]*) printf '250-plain.example.com\\r\\n250 WHO=%s\\r\\n' "$TLS_REMOTE_ID" ;;
    QUIT*) exit ;;
  esac
done`;

function asJohn(port: number) {
  const there = ['--connect', `127.0.0.1:${port}`, '--remote-id', name, '--local-id', john];
  return tunnelled(pool, '--client', '--starttls', 'smtp', ...there);
}

test('with --inetd the program learns who the client is, although it greets before TLS', async () => {
  const flags = ['--inetd', '--starttls', 'smtp', '--require-remote-id', '--local-id', name];
  await using served = await wrapped(pool, flags, ['busybox', 'sh', '-c', mailer]);
  await using client = await asJohn(served.port);
  const input = 'EHLO me\r\nQUIT\r\n';
  const { stdout } = await run('busybox', ['nc', '127.0.0.1', `${client.port}`], { input });
  assert.equal(
    stdout,
    `220 ${name} ESMTP\r\n250-plain.example.com\r\n250 WHO=${john}\r\n`,
    served.running.stderr,
  );
});

test('with --inetd and --proxy-from the environment has the address that the proxy told', async () => {
  const flags = ['--inetd', '--starttls', 'smtp', '--proxy-from', '127.0.0.1'];
  const script = mailer.replace('TLS_REMOTE_ID', 'TCPREMOTEIP');
  await using served = await wrapped(pool, flags, ['busybox', 'sh', '-c', script]);
  const header = 'PROXY TCP4 198.51.100.7 198.51.100.8 4711 25\\r\\n';
  // A client that sends the header before it speaks SMTP.
  const client = `
import smtplib, ssl, sys
class Client(smtplib.SMTP):
    def _get_socket(self, *args):
        sock = super()._get_socket(*args)
        sock.sendall(b"${header}")
        return sock
client = Client("127.0.0.1", ${served.port}, timeout=20)
client._host = "${name}"
client.starttls(context=ssl.create_default_context(cafile="${pool.caFile}"))
print(client.ehlo()[1].decode().split("\\n")[-1], end="")`;
  const { stdout, stderr } = await run('python3', ['-c', client]);
  assert.equal(stdout, 'WHO=198.51.100.7', stderr + served.running.stderr);
});

test('transparently, a server of Python speaks STARTTLS on the port that is said to have it, in the clear if it may', async () => {
  const server = `
import socketserver
class Mailer(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 plain.example.com ESMTP\\r\\n")
        for line in self.rfile:
            if line.startswith(b"EHLO"):
                self.wfile.write(b"250-plain.example.com\\r\\n250 WHO=%s\\r\\n" % self.client_address[0].encode())
            elif line.startswith(b"QUIT"): return
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", PORT), Mailer).serve_forever()`;
  const port = await freePort();
  const optional = ['--unsafe-tls-optional', `${port}`];
  const flags = ['--starttls', `${port}=smtp`, ...optional, '--local-id', name];
  const command = ['/usr/bin/python3', '-c', server.replace('PORT', `${port}`)];
  await using served = await wrappedWhole(pool, flags, command);
  assert.equal(served.port, port);
  const where = ['--server', '127.0.0.1', '--port', `${port}`, '--quit-after', 'EHLO'];
  const tls = ['--tls', '--tls-verify', '--tls-ca-path', pool.caFile];
  const { stdout, stderr } = await run('swaks', [...where, ...tls, '--ehlo', 'me']);
  assert.match(stdout, /<~ {2}250 WHO=127\.0\.0\.1/, stdout + stderr + served.running.stderr);
  const { stdout: heard } = await run('swaks', [...where, '--ehlo', 'me']);
  assert.match(heard, /<- {2}250-WHO=127\.0\.0\.1\n<- {2}250 STARTTLS/);
  const input = 'EHLO me\r\nMAIL FROM:<>\r\nQUIT\r\n';
  await run('busybox', ['nc', '127.0.0.1', `${port}`], { input });
  await pool.daemon.saying(
    /"program":"[^"]*python3[^"]*","local":"www\.example\.com",.*"msg":"in the clear"/,
  );
});
