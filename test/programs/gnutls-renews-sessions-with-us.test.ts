import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../patience.ts';
import { names, RenewalStage } from './stage/renewal-stage.ts';

let stage: RenewalStage;
before(async () => {
  stage = await RenewalStage.set();
});
after(() => stage?.[Symbol.asyncDispose]());

/** Of the one session there is. */
async function bytesOut(): Promise<number> {
  const { sessions } = JSON.parse(await stage.pool.command('sessions', 'list', '--json'));
  return sessions.at(-1).bytesOut;
}

test('our server renegotiates with a client of GnuTLS, which shows who it is', async () => {
  await using one = await stage.gnuTlsClient('', stage.shownToGnuTls(names.mary));
  await one.hears('before');
  assert.equal((await one.session.renew()).remoteId, names.mary);
  await one.hears('after');
  await one.says('answered');
});

test('our client renegotiates with a server of GnuTLS, and shows who it is', async () => {
  await using one = await stage.gnuTlsServer('1.2');
  one.plain.write('before\n');
  await one.hasHeard('before\n');
  const renewed = await one.session.renew({ localId: names.john });
  assert.equal(renewed.remoteId, names.server);
  assert.equal(renewed.localId, names.john);
  one.plain.write('after\n');
  await one.hasHeard('after\n');
});

test('our client answers a server of GnuTLS that asks later who it is (TLS 1.3)', async () => {
  await using one = await stage.gnuTlsServer('1.3', { localId: names.john });
  one.plain.write('before\n');
  await one.hasHeard('before\n');
  assert.equal(one.session.localId, names.john);
  // The server knows the word by its being alone in a record.
  const word = '**REAUTH**\n';
  one.plain.write(word);
  await until(
    'the word on its way',
    async () => (await bytesOut()) >= 'before\n'.length + word.length,
  );
  one.plain.write('after\n');
  await one.hasHeard('after\n');
});

test('what is written just before a renegotiation arrives whole, and what follows comes after it', async () => {
  await using one = await stage.openSslClient(['-tls1_2', ...stage.shownToOpenSsl(names.mary)]);
  const lines = Array.from({ length: 20_000 }, (_, n) => `line ${n}`).join('\n');
  one.plain.write(`${lines}\n`);
  one.type('typed meanwhile');
  assert.equal((await one.session.renew()).remoteId, names.mary);
  one.plain.write('the end\n');
  await one.other.printing(/the end/);
  assert.ok(one.other.stdout.includes(`${lines}\nthe end\n`));
  await one.hasHeard('typed meanwhile\n');
});
