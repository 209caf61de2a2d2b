import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { within } from '../patience.ts';
import { names, RenewalStage } from './stage/renewal-stage.ts';

let stage: RenewalStage;
before(async () => {
  stage = await RenewalStage.set();
});
after(() => stage?.[Symbol.asyncDispose]());

test('a client without secure renegotiation, or without extended master secret, is not asked, and stays', async () => {
  for (const lacking of [':%DISABLE_SAFE_RENEGOTIATION', ':%NO_SESSION_HASH']) {
    await using one = await stage.gnuTlsClient(lacking);
    await one.hears('before');
    await assert.rejects(one.session.renew(), {
      code: 'renogiate-would-be-insecure',
      message: /RFC 5746/,
    });
    await one.hears('still there');
    await one.says('answered');
  }
});

test('a client that refuses to renegotiate ends the session, and the program hears why', async () => {
  await using one = await stage.openSslClient(['-tls1_2', '-no_renegotiation']);
  await one.hears('before');
  const ended = once(one.plain, 'end');
  await assert.rejects(one.session.renew(), {
    code: 'stirred-not-shaken',
    message: /refuses to renegotiate/,
  });
  await within('the end of the session', ended);
});

test('a server that refuses to renegotiate ends the session, and the program hears why', async () => {
  await using one = await stage.openSslServer(['-tls1_2', '-no_renegotiation']);
  await one.says('before');
  await assert.rejects(one.session.renew(), {
    code: 'stirred-not-shaken',
    message: /refuses to renegotiate/,
  });
});

test('a server that wants to renegotiate hears no_renegotiation from our client', async () => {
  await using one = await stage.openSslServer(['-tls1_2'], { localId: names.john });
  await one.says('before');
  const ended = once(one.plain, 'end');
  one.type('R');
  await one.other.saying(/no renegotiation/);
  await within('the end of the session', ended);
});

test('a session cannot become one of another role or with another server', async () => {
  await using one = await stage.openSslServer(['-tls1_2', '-client_renegotiation']);
  const { message } = await one.session.renew({ remoteId: 'elsewhere.example.org' }).then(
    () => assert.fail('it talks to somebody else'),
    (error: Error) => error,
  );
  assert.match(message, /we talk to server\.example\.org, and to nobody else/);
  await one.says('still there');
});
