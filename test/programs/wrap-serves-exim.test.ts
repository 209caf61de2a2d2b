import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eximOn, unpackExim } from './stage/exim.ts';
import { MailServer } from './stage/mail-server.ts';
import { TwoMachines } from './stage/two-machines.ts';

let skip: string | false = 'it takes root to have ports and users';
let exim: MailServer;

before(async () => {
  if (process.getuid?.() !== 0) return;
  exim = await MailServer.create(['/run', '/var/spool', '/var/lib']);
  const unpacked = join(exim.folder, 'unpacked');
  if (!(await unpackExim(unpacked))) {
    skip = "Debian's packages of Exim cannot be had";
    return;
  }
  await exim.serve(...(await eximOn(exim, unpacked)));
  skip = false;
});
after(() => exim?.[Symbol.asyncDispose]());

test('exim takes mail at port 25 by STARTTLS, and sees its client', async (t) => {
  if (skip) return t.skip(skip);
  const { code, stdout, stderr } = await exim.send('starttls', '--tls', ...exim.verified);
  assert.equal(code, 0, stdout + stderr + exim.log);
  assert.match(stdout, /TLS started with cipher TLSv1\.3/);
  const mail = await exim.received('starttls');
  assert.match(mail, new RegExp(`^Received: from .*\\[${TwoMachines.clientAddress}\\]`, 'm'));
});

test('exim takes mail at port 465 by TLS', async (t) => {
  if (skip) return t.skip(skip);
  const how = ['--tls-on-connect', '--port', '465', ...exim.verified];
  const { code, stdout, stderr } = await exim.send('submissions', ...how);
  assert.equal(code, 0, stdout + stderr + exim.log);
  await exim.received('submissions');
});

test('exim takes none in the clear', async (t) => {
  if (skip) return t.skip(skip);
  const { code, stdout } = await exim.send('clear');
  assert.notEqual(code, 0);
  assert.match(stdout, /<\*\* 530 /);
  assert.deepEqual(exim.mails('clear'), []);
});
