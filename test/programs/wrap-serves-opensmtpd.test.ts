import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../patience.ts';
import { name } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { Running, run, tlspoolCommand } from './stage/running.ts';
import { TwoMachines } from './stage/two-machines.ts';

const skip = process.getuid?.() === 0 ? false : 'it takes root to have ports and users';

const stage = new AsyncDisposableStack();
let pool: Pool;
let machines: TwoMachines;
let smtpd: Running;
let inbox: string;

before(async () => {
  if (skip) return;
  pool = stage.use(await Pool.serving([[name]]));
  machines = stage.use(await TwoMachines.start(['/run', '/var/spool']));
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-opensmtpd-'));
  stage.defer(() => rmSync(folder, { recursive: true, force: true }));
  // Its `mail` user delivers.
  chmodSync(folder, 0o777);
  inbox = join(folder, 'maildir/new');
  const config = join(folder, 'smtpd.conf');
  writeFileSync(
    config,
    `
listen on 0.0.0.0 port 25 hostname ${name}
listen on 0.0.0.0 port 465 hostname ${name}
action "keep" maildir "${folder}/maildir" user mail
match from any for domain "example.com" action "keep"
`,
  );
  const spool = await onServer('sh', '-c', 'mkdir /var/spool/smtpd && chmod 711 /var/spool/smtpd');
  assert.equal(spool.code, 0, spool.stderr);
  const wrapped = tlspoolCommand('wrap', '--', 'smtpd', '-d', '-f', config);
  const [command = '', ...args] = machines.server(wrapped);
  smtpd = stage.use(new Running(command, args, { env: pool.environment }));
  await smtpd.saying(/(?:serving as[\s\S]*?){2}/);
});
after(() => stage.disposeAsync());

function onServer(...command: readonly string[]) {
  const [file = '', ...args] = machines.server(command);
  return run(file, args);
}

function sendFromClient(subject: string, ...how: readonly string[]) {
  const [command = '', ...args] = machines.client([
    ...['swaks', '--server', TwoMachines.serverAddress, '--helo', 'client.example.com'],
    ...['--from', 'mary@example.com', '--to', 'mail@example.com', '--h-Subject', subject, ...how],
  ]);
  return run(command, args);
}

/** Of swaks, which compares no name. */
const verified = () => ['--tls-verify', '--tls-ca-path', pool.caFile];

async function received(subject: string): Promise<string> {
  let mail: string | undefined;
  await until(`a mail about ${subject}`, () => {
    mail = mails().find((text) => text.includes(`Subject: ${subject}\n`));
    return mail !== undefined;
  });
  return mail ?? '';
}

function mails(): string[] {
  try {
    return readdirSync(inbox).map((file) => readFileSync(join(inbox, file), 'utf8'));
  } catch {
    return [];
  }
}

test('opensmtpd takes mail at port 25 by STARTTLS, and sees its client', { skip }, async () => {
  const { code, stdout, stderr } = await sendFromClient('starttls', '--tls', ...verified());
  assert.equal(code, 0, stdout + stderr + smtpd.stderr);
  assert.match(stdout, /TLS started with cipher TLSv1\.3/);
  const mail = await received('starttls');
  assert.match(mail, new RegExp(`^Received: from client.*\\[${TwoMachines.clientAddress}\\]`, 'm'));
});

test('opensmtpd takes mail at port 465 by TLS', { skip }, async () => {
  const how = ['--tls-on-connect', '--port', '465', ...verified()];
  const { code, stdout, stderr } = await sendFromClient('submissions', ...how);
  assert.equal(code, 0, stdout + stderr + smtpd.stderr);
  await received('submissions');
});

test('it takes none in the clear', { skip }, async () => {
  const { code, stdout } = await sendFromClient('clear');
  assert.notEqual(code, 0);
  assert.match(stdout, /<\*\* 530 /);
  assert.deepEqual(
    mails().filter((mail) => mail.includes('Subject: clear\n')),
    [],
  );
});
