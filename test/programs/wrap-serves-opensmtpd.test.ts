import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { name } from './stage/clients.ts';
import { MailServer } from './stage/mail-server.ts';
import { TwoMachines } from './stage/two-machines.ts';

const skip = process.getuid?.() === 0 ? false : 'it takes root to have ports and users';

let smtpd: MailServer;

before(async () => {
  if (skip) return;
  smtpd = await MailServer.create(['/run', '/var/spool']);
  const { folder } = smtpd;
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
  await smtpd.prepare('mkdir /var/spool/smtpd && chmod 711 /var/spool/smtpd');
  await smtpd.serve('smtpd', '-d', '-f', config);
});
after(() => smtpd?.[Symbol.asyncDispose]());

test('opensmtpd takes mail at port 25 by STARTTLS, and sees its client', { skip }, async () => {
  const { code, stdout, stderr } = await smtpd.send('starttls', '--tls', ...smtpd.verified);
  assert.equal(code, 0, stdout + stderr + smtpd.log);
  assert.match(stdout, /TLS started with cipher TLSv1\.3/);
  const mail = await smtpd.received('starttls');
  assert.match(mail, new RegExp(`^Received: from client.*\\[${TwoMachines.clientAddress}\\]`, 'm'));
});

test('opensmtpd takes mail at port 465 by TLS', { skip }, async () => {
  const how = ['--tls-on-connect', '--port', '465', ...smtpd.verified];
  const { code, stdout, stderr } = await smtpd.send('submissions', ...how);
  assert.equal(code, 0, stdout + stderr + smtpd.log);
  await smtpd.received('submissions');
});

test('it takes none in the clear', { skip }, async () => {
  const { code, stdout } = await smtpd.send('clear');
  assert.notEqual(code, 0);
  assert.match(stdout, /<\*\* 530 /);
  assert.deepEqual(smtpd.mails('clear'), []);
});
