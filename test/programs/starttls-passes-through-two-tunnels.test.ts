import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { name } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { run } from './stage/running.ts';
import { ScriptedServer } from './stage/scripted-server.ts';
import { tunnelled } from './stage/wrapped.ts';

const stage = new AsyncDisposableStack();
let pool: Pool;
before(async () => {
  pool = stage.use(await Pool.serving([[name]]));
});
after(() => stage.disposeAsync());

test('a plain SMTP client talks to a plain SMTP server, with STARTTLS between them', async () => {
  await using parts = new AsyncDisposableStack();
  const features = '250-mail.example.com\r\n250-AUTH PLAIN\r\n250 SIZE 10\r\n';
  const program = parts.use(
    await ScriptedServer.start('220 mail.example.com ESMTP\r\n', (line) => {
      if (line.startsWith('EHLO')) return features;
      return line === 'QUIT' ? 'end' : '500 What?\r\n';
    }),
  );
  const starttls = ['--starttls', 'smtp'];
  const server = parts.use(await tunnelled(pool, ...starttls, '--connect', program.address));
  const there = ['--connect', `127.0.0.1:${server.port}`, '--remote-id', name];
  const client = parts.use(await tunnelled(pool, '--client', ...starttls, ...there));
  const input = 'EHLO me.example.com\r\nQUIT\r\n';
  const { stdout } = await run('busybox', ['nc', '127.0.0.1', `${client.port}`], { input });
  assert.equal(stdout, `220 ${name} ESMTP\r\n${features}`);
  assert.deepEqual(program.heard, [`EHLO ${name}`, 'EHLO me.example.com', 'QUIT']);
});
