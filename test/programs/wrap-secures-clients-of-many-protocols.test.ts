import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from './stage/listening-programs.ts';
import { OthersServer } from './stage/others-servers.ts';
import { freePort } from './stage/ports.ts';
import { run } from './stage/running.ts';
import { echo, page } from './stage/tls-server.ts';
import { type ClientRun, WrappedClients } from './stage/wrapped-client.ts';

const skip = process.getuid?.() !== 0;
const { name, wrongName } = WrappedClients;
const wrongCertificate = /the certificate is for www\.example\.com, not for wrong\.example\.com/;

const parts = new AsyncDisposableStack();
let stage: WrappedClients;

before(async () => {
  if (!skip) stage = parts.use(await WrappedClients.start());
});
after(() => parts.disposeAsync());

async function place() {
  return { address: stage.address, port: await freePort(), ...stage.ca.issue(name) };
}

/** Runs a client twice: at the server by its name, and by another that leads there too. Returns what the first did. */
async function byBothNames(
  flags: readonly string[],
  command: (host: string) => readonly string[],
  input?: string,
): Promise<ClientRun> {
  const wrong = await stage.run(flags, command(wrongName), input);
  assert.notEqual(wrong.code, 0, wrong.stdout);
  assert.match(wrong.stderr, wrongCertificate);
  const right = await stage.run(flags, command(name), input);
  assert.equal(right.code, 0, right.stderr);
  return right;
}

test('redis-cli', { skip }, async () => {
  await using server = await OthersServer.redis(await place());
  const { port } = server;
  const asked = await byBothNames(['--client-tls', `${port}`], (host) => [
    ...['redis-cli', '-e', '-h', host, '-p', `${port}`, 'echo', 'over TLS'],
  ]);
  assert.equal(asked.stdout, 'over TLS\n');
});

test('psql with sslmode=disable, at a PostgreSQL that wants TLS', { skip }, async () => {
  await using server = await OthersServer.postgres(await place());
  const { port } = server;
  const question = 'select ssl, version from pg_stat_ssl where pid = pg_backend_pid()';
  const asked = await byBothNames(['--client-starttls', `${port}=postgres`], (host) => {
    const there = `host=${host} port=${port} user=postgres dbname=postgres`;
    return ['psql', '-Atc', question, `${there} sslmode=disable gssencmode=disable`];
  });
  assert.equal(asked.stdout, 't|TLSv1.3\n');
});

test('swaks without --tls and s-nail without smtps, at a server that wants TLS', {
  skip,
}, async () => {
  await using server = await OthersServer.smtpd(await place());
  const flags = ['--client-starttls', `${server.port}=smtp`];
  const mail = ['--from', 'joan@example.com', '--to', 'john@example.com', '--helo', 'me'];
  const sent = await byBothNames(flags, (host) => [
    ...['swaks', '--server', host, '--port', `${server.port}`, ...mail],
  ]);
  assert.match(sent.stdout, /<- {2}250 OK\n.*QUIT/s);
  const variables = (host: string) => [
    ...['-S', `mta=smtp://${host}:${server.port}`, '-S', 'smtp-auth=none', '-S', 'v15-compat=yes'],
    ...['-S', 'from=joan@example.com', '-S', 'sendwait'],
  ];
  const command = (host: string) => [
    ...['s-nail', '-:/', ...variables(host), '-s', 'greetings', 'john@example.com'],
  ];
  await byBothNames(flags, command, 'Hello John\n');
  assert.match(server.running.stdout, /This is a test mailing[\s\S]*Hello John/);
});

test('nginx as a proxy, whose server is reached over TLS', { skip }, async () => {
  await using web = await stage.serve(page('over TLS'));
  const through = async (host: string, complaint?: RegExp) => {
    const port = await freePort();
    const config = join(stage.pool.folder, 'proxy.conf');
    writeFileSync(config, proxyConfig(stage.pool.folder, port, `${host}:${web.port}`));
    const flags = ['--plain', `${port}`, '--client-tls', `${web.port}`];
    await using proxy = stage.start(flags, ['nginx', '-c', config, '-e', 'stderr']);
    await proxy.saying(/: plain/);
    const { stdout } = await run('curl', [
      ...['-sS', '--max-time', '60', `http://127.0.0.1:${port}/`],
    ]);
    // The program may be told first.
    if (complaint) await proxy.saying(complaint);
    return stdout;
  };
  assert.equal(await through(name), 'over TLS');
  assert.match(await through(wrongName, wrongCertificate), /502 Bad Gateway/);
  // A worker connected; its master had resolved the name.
  assert.deepEqual(web.askedFor, [name]);
});

function proxyConfig(folder: string, port: number, server: string): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off; worker_processes 2; pid ${folder}/proxy.pid; error_log stderr; user root;
events {}
http {
  access_log off;
  ${kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ')}
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://${server}/; }
  }
}
`;
}

test('a static Go program with fifty connections at once', { skip }, async () => {
  await using server = await stage.serve(echo);
  const source = fileURLToPath(new URL('connecting/fifty-at-once.go', import.meta.url));
  const program = join(stage.pool.folder, 'fifty-at-once');
  build('go', ['build', '-o', program, source], { CGO_ENABLED: '0' });
  const ran = await byBothNames(['--client-tls', `${server.port}`], (host) => [
    ...[program, host, `${server.port}`],
  ]);
  assert.equal(ran.stdout, '50\n');
});
