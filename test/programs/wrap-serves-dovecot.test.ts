import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { name } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { Running, run, tlspoolCommand } from './stage/running.ts';
import { TwoMachines } from './stage/two-machines.ts';

const skip = process.getuid?.() === 0 ? false : 'it takes root to have ports and users';

/** Whose mail it is, and who reads it. */
const OWNER = 61_002;

const stage = new AsyncDisposableStack();
let pool: Pool;
let machines: TwoMachines;
let dovecot: Running;

before(async () => {
  if (skip) return;
  pool = stage.use(await Pool.serving([[name]]));
  machines = stage.use(await TwoMachines.start());
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-dovecot-'));
  stage.defer(() => rmSync(folder, { recursive: true, force: true }));
  const config = configure(folder);
  const [command = '', ...args] = machines.server(
    tlspoolCommand('wrap', '--', 'dovecot', '-F', '-c', config),
  );
  dovecot = stage.use(new Running(command, args, { env: pool.environment }));
  await dovecot.saying(/(?:serving as[\s\S]*?){8}/);
});
after(() => stage.disposeAsync());

/** TLS is none of its affairs; so it takes passwords from everywhere. */
function configure(folder: string): string {
  chmodSync(folder, 0o755);
  const inbox = join(folder, 'mail/new');
  mkdirSync(inbox, { recursive: true });
  writeFileSync(join(inbox, '1.one'), 'Subject: a letter\n\nto be read\n');
  for (const part of ['mail', 'mail/new', 'mail/new/1.one']) {
    chownSync(join(folder, part), OWNER, OWNER);
  }
  const file = join(folder, 'dovecot.conf');
  writeFileSync(
    file,
    `
protocols = imap pop3
base_dir = ${folder}/run
state_dir = ${folder}/run
log_path = /dev/stderr
ssl = no
disable_plaintext_auth = no
mail_location = maildir:${folder}/mail
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=${OWNER} gid=${OWNER} home=${folder}
}
service imap-login {
  inet_listener imaps {
    port = 993
    ssl = no
  }
}
service pop3-login {
  inet_listener pop3s {
    port = 995
    ssl = no
  }
}
`,
  );
  return file;
}

const ways = [
  ['IMAP with STARTTLS', 'imap://HOST:143/INBOX;MAILINDEX=1'],
  ['IMAP', 'imaps://HOST:993/INBOX;MAILINDEX=1'],
  ['POP3 with STLS', 'pop3://HOST:110/1'],
  ['POP3', 'pop3s://HOST:995/1'],
] as const;

for (const [what, url] of ways) {
  test(`mail is read from dovecot by ${what}, from this machine and another`, {
    skip,
  }, async () => {
    for (const [machine, address] of [
      [machines.server, '127.0.0.1'],
      [machines.client, TwoMachines.serverAddress],
    ] as const) {
      const port = new URL(url).port;
      const [command = '', ...args] = machine([
        ...['curl', '-sS', '--max-time', '60', '--cacert', pool.caFile, '--ssl-reqd'],
        ...['--resolve', `${name}:${port}:${address}`, '--user', 'john:secret'],
        url.replace('HOST', name),
      ]);
      const { stdout, stderr } = await run(command, args);
      assert.match(stdout, /to be read/, `${address}: ${stderr}\n${dovecot.stderr}`);
    }
  });
}

test("dovecot's log has where its clients really were", { skip }, async () => {
  await dovecot.saying(/Login: user=<john>.* rip=127\.0\.0\.1, lip=127\.0\.0\.1/);
  const { clientAddress, serverAddress } = TwoMachines;
  await dovecot.saying(
    new RegExp(`Login: user=<john>.* rip=${clientAddress}, lip=${serverAddress}`),
  );
});

test('who asks for no TLS gives no password', { skip }, async () => {
  const [command = '', ...args] = machines.client([
    ...['curl', '-sS', '--max-time', '60', '--user', 'john:secret'],
    `imap://${TwoMachines.serverAddress}/INBOX`,
  ]);
  const { code, stderr } = await run(command, args);
  assert.equal(code, 67, stderr);
});
