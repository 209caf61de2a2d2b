import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { within } from '../patience.ts';
import type { Renewable } from './stage/renewable.ts';
import { names, RenewalStage } from './stage/renewal-stage.ts';

const { www: name, mary: member, eve: stranger, server } = names;

let stage: RenewalStage;
before(async () => {
  stage = await RenewalStage.set();
});
after(() => stage?.[Symbol.asyncDispose]());

/** Our server, and a client that shows itself as that user. */
function servedTo(user: string): Promise<Renewable> {
  return stage.openSslClient(['-tls1_2', ...stage.shownToOpenSsl(user)]);
}

test('a server learns who its client is, and data flows before and after', async () => {
  await using one = await servedTo(member);
  assert.equal(one.session.remoteId, '');
  await one.hears('before');
  const renewed = await one.session.renew();
  assert.equal(renewed.remoteId, member);
  assert.equal(renewed.localId, name);
  assert.match((await renewed.details()).version, /1\.2/);
  await one.hears('after');
  await one.says('answer');
  const kind = 'peerSubject';
  assert.ok((await stage.program.info({ ctlkey: one.session.ctlkey, kind })).length > 0);
  const [open] = JSON.parse(await stage.pool.command('sessions', 'list', '--json')).sessions;
  assert.equal(open.remoteId, member);
  // And once more.
  assert.equal((await one.session.renew()).remoteId, member);
  await one.hears('again');
});

test('who is not trusted loses the session, and hears why; the program is told', async () => {
  await using one = await servedTo(stranger);
  await one.hears('before');
  const ended = once(one.plain, 'end');
  await assert.rejects(one.session.renew(), {
    code: 'stirred-not-shaken',
    message: /not accepted/,
  });
  await within('the end of the session', ended);
  await one.other.ended;
  assert.match(one.other.stderr, /alert/);
});

test('rules are asked anew: whom they deny by now loses the session', async () => {
  await using one = await servedTo(member);
  await one.hears('before');
  await stage.pool.command('authz', 'deny', member, '--to', name, '--name', 'no-mary');
  try {
    const ended = once(one.plain, 'end');
    await assert.rejects(one.session.renew(), { code: 'EACCES', message: /no-mary/ });
    await within('the end of the session', ended);
  } finally {
    await stage.pool.command('authz', 'remove', 'no-mary');
  }
});

test('a client renegotiates, and its server is judged anew', async () => {
  await using one = await stage.openSslServer(['-tls1_2', '-client_renegotiation']);
  await one.hears('before');
  assert.equal((await one.session.renew()).remoteId, server);
  await one.says('after');
  await one.hears('answer');
  const { anchors } = JSON.parse(await stage.pool.command('trust', 'list', '--json'));
  const anchor = anchors.find(({ role }: { role: string }) => role === 'server');
  assert.ok(anchor, 'the anchor of servers');
  await stage.pool.command('trust', 'remove', anchor.fingerprint);
  await assert.rejects(one.session.renew(), {
    code: 'stirred-not-shaken',
    message: /not accepted/,
  });
});
