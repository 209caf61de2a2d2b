import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { name } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { run } from './stage/running.ts';
import { ScriptedServer } from './stage/scripted-server.ts';
import { Tunnels } from './stage/starttls-programs.ts';

/** Plaintext mail programs, as far as clients go with them in one visit. */
const programs = {
  smtp: mailer('EHLO'),
  lmtp: mailer('LHLO'),
  imap: {
    greeting: '* OK plain\r\n',
    answer: (line: string) => {
      const [tag, verb] = line.split(' ');
      if (verb === 'CAPABILITY')
        return `* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\n${tag} OK done\r\n`;
      if (verb === 'LIST') return `* LIST () "/" plainbox\r\n${tag} OK done\r\n`;
      return verb === 'LOGOUT' ? `* BYE\r\n${tag} OK done\r\nend` : `${tag} OK done\r\n`;
    },
  },
  pop3: {
    greeting: '+OK plain\r\n',
    answer: (line: string) => {
      if (line === 'CAPA') return '+OK\r\nUSER\r\nUIDL\r\n.\r\n';
      if (line === 'LIST') return '+OK\r\n1 4711\r\n.\r\n';
      return line === 'QUIT' ? '+OK\r\nend' : '+OK\r\n';
    },
  },
} as const;

function mailer(hello: string) {
  return {
    greeting: '220 plain.example.com\r\n',
    answer: (line: string) => {
      if (line.startsWith(hello))
        return '250-plain.example.com\r\n250-AUTH PLAIN\r\n250 SIZE 1000\r\n';
      if (line.startsWith('AUTH')) return '235 2.7.0 OK\r\n';
      if (line === 'DATA') return '354 Go\r\n';
      if (line === 'QUIT') return '221 Bye\r\nend';
      return /^(?:MAIL|RCPT|\.)/.test(line) ? '250 2.0.0 heard\r\n' : undefined;
    },
  };
}

const stage = new AsyncDisposableStack();
let pool: Pool;
let tunnels: Tunnels;
const servers = new Map<string, ScriptedServer>();
before(async () => {
  pool = stage.use(await Pool.serving([[name]]));
  const sections: Record<string, readonly string[]> = {};
  for (const [protocol, { greeting, answer }] of Object.entries(programs)) {
    const server = stage.use(await ScriptedServer.start(greeting, answer));
    servers.set(protocol, server);
    sections[protocol] = [`connect ${server.address}`, `starttls ${protocol}`];
  }
  sections.submissions = [`connect ${servers.get('smtp')?.address}`, 'service submissions'];
  tunnels = stage.use(await Tunnels.open(pool, 'servers.conf', sections));
});
after(() => stage.disposeAsync());

function curl(protocol: keyof typeof programs, path: string, ...flags: readonly string[]) {
  const port = tunnels.port(protocol);
  const resolve = ['--resolve', `${name}:${port}:127.0.0.1`, '--cacert', pool.caFile];
  const url = `${protocol}://${name}:${port}${path}`;
  return run('curl', ['-sS', '--max-time', '60', '--ssl-reqd', ...resolve, ...flags, url]);
}

const asJohn = ['--user', 'john:secret', '--sasl-ir'];

test('curl sends mail, with a password that the program hears inside TLS only', async () => {
  const letter = join(pool.folder, 'letter');
  writeFileSync(letter, 'Subject: hello\r\n\r\nhello\r\n');
  const envelope = ['--mail-from', 'john@example.com', '--mail-rcpt', 'mary@example.com'];
  const { code, stderr } = await curl('smtp', '/client', ...asJohn, ...envelope, '-T', letter);
  assert.equal(code, 0, stderr);
  const heard = servers.get('smtp')?.heard ?? [];
  assert.deepEqual(heard.slice(heard.indexOf('EHLO client')), [
    'EHLO client',
    `AUTH PLAIN ${Buffer.from('\0john\0secret').toString('base64')}`,
    'MAIL FROM:<john@example.com> SIZE=25',
    'RCPT TO:<mary@example.com>',
    'DATA',
    'Subject: hello',
    '',
    'hello',
    '.',
    'QUIT',
  ]);
});

test('curl lists mailboxes by IMAP', async () => {
  const { stdout, stderr } = await curl('imap', '/', ...asJohn);
  assert.equal(stdout.trim(), '* LIST () "/" plainbox', stderr);
});

test('curl lists letters by POP3', async () => {
  const { stdout, stderr } = await curl('pop3', '/', ...asJohn);
  assert.equal(stdout.trim(), '1 4711', stderr);
});

test('curl without TLS gets nowhere, and its password stays with it', async () => {
  for (const protocol of ['smtp', 'imap', 'pop3'] as const) {
    const where = `${protocol}://127.0.0.1:${tunnels.port(protocol)}/`;
    const flags = ['-sS', '--max-time', '60', ...asJohn, '--mail-from', 'john@example.com'];
    const known = servers.get(protocol)?.heard.length;
    const { code, stdout } = await run('curl', [...flags, where]);
    assert.notEqual(code, 0);
    assert.equal(stdout, '');
    const heard = servers.get(protocol)?.heard.slice(known) ?? [];
    assert.doesNotMatch(heard.join('\n'), /john|LOGIN|USER|am9obg/, heard.join('\n'));
  }
});

for (const [protocol, flags] of [
  ['smtp', ['--tls']],
  ['lmtp', ['--tls', '--protocol', 'LMTP']],
  ['submissions', ['--tls-on-connect']],
] as const) {
  test(`swaks ${flags.join(' ')}`, async () => {
    const where = ['--server', '127.0.0.1', '--port', `${tunnels.port(protocol)}`];
    const verify = ['--tls-verify', '--tls-ca-path', pool.caFile, '--ehlo', 'client'];
    const envelope = ['--from', 'john@example.com', '--to', 'mary@example.com'];
    const { code, stdout, stderr } = await run('swaks', [
      ...where,
      ...flags,
      ...verify,
      ...envelope,
    ]);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /=== TLS started with cipher TLSv1\.3:TLS_AES_256_GCM_SHA384:256/);
    assert.match(stdout, /<~ {2}250 2\.0\.0 heard/);
    // Inside TLS it is not offered once more.
    assert.doesNotMatch(stdout, /<~ {2}250.STARTTLS/);
  });
}

test('swaks without TLS is refused at its first command that is not for us', async () => {
  const where = ['--server', '127.0.0.1', '--port', `${tunnels.port('smtp')}`, '--ehlo', 'client'];
  const { code, stdout } = await run('swaks', [
    ...where,
    '--from',
    'john@example.com',
    '--to',
    'x@y',
  ]);
  assert.notEqual(code, 0);
  assert.match(stdout, /-> MAIL FROM:<john@example.com>\n<\*\* 530 5\.7\.0 Must issue a STARTTLS/);
});
