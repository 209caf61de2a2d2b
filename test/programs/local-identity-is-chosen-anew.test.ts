import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { within } from '../patience.ts';
import type { Renewable } from './stage/renewable.ts';
import { names, RenewalStage } from './stage/renewal-stage.ts';

const flags = { ignoreRemoteId: true } as const;

let stage: RenewalStage;
before(async () => {
  stage = await RenewalStage.set();
});
after(() => stage?.[Symbol.asyncDispose]());

async function ownSubject({ session }: Renewable): Promise<string> {
  const value = await stage.program.info({ ctlkey: session.ctlkey, kind: 'ownSubject' });
  return value.toString('latin1');
}

test('TLS 1.2: a server is somebody else from then on, if the program says so', async () => {
  await using one = await stage.openSslClient(['-tls1_2']);
  await one.hears('before');
  const renewed = await one.session.renew({ localId: names.shop, flags });
  assert.equal(renewed.localId, names.shop);
  assert.match(await ownSubject(one), /shop/);
  // Otherwise it stays who it is.
  assert.equal((await one.session.renew({ flags })).localId, names.shop);
  await one.hears('after');
});

test('TLS 1.2: the program is asked with LOCALID_CHECK, also in the middle', async () => {
  await using one = await stage.openSslClient(['-tls1_2']);
  const proposals: string[] = [];
  const chooseLocalId = ({ localId }: { readonly localId: string }) => {
    proposals.push(localId);
    return names.shop;
  };
  assert.equal((await one.session.renew({ chooseLocalId, flags })).localId, names.shop);
  assert.deepEqual(proposals, [names.www]);
  await one.hears('after');
  const ended = once(one.plain, 'end');
  await assert.rejects(one.session.renew({ chooseLocalId: () => undefined, flags }));
  await within('the end of the session', ended);
});

test('TLS 1.2: a client shows itself as whom the program names, and stays that one', async () => {
  await using one = await stage.gnuTlsServer('1.2');
  assert.equal(one.session.localId, '');
  assert.equal((await one.session.renew()).localId, '');
  await assert.rejects(ownSubject(one), { code: 'info-not-found' });
  assert.equal((await one.session.renew({ localId: names.john })).localId, names.john);
  assert.match(await ownSubject(one), /john/);
  assert.equal((await one.session.renew()).localId, names.john);
  one.plain.write('as john\n');
  await one.hasHeard('as john\n');
});

test('TLS 1.3: a server stays who it is; the program may agree, and otherwise nothing happens', async () => {
  await using one = await stage.openSslClient(['-tls1_3']);
  const agreeing = await one.session.renew({ chooseLocalId: ({ localId }) => localId, flags });
  assert.equal(agreeing.localId, names.www);
  await assert.rejects(one.session.renew({ chooseLocalId: () => names.shop, flags }), {
    code: 'EINVAL',
    message: /stay so/,
  });
  await assert.rejects(one.session.renew({ localId: names.shop, flags }), { code: 'EINVAL' });
  await assert.rejects(one.session.renew({ chooseLocalId: () => undefined, flags }), {
    code: 'client-refuses-callback',
  });
  await one.hears('still there');
});

test('a closed identity asks for who the client is, whatever the flags say', async () => {
  const { www, mary } = names;
  await using known = await stage.openSslClient(['-tls1_3', ...stage.shownToOpenSsl(mary)], {
    flags: { requestRemoteId: true },
  });
  assert.equal(known.session.remoteId, mary);
  await using unknown = await stage.openSslClient(['-tls1_3']);
  await using old = await stage.openSslClient(['-tls1_2', ...stage.shownToOpenSsl(mary)]);
  await using anonymous = await stage.openSslClient(['-tls1_2']);
  await stage.pool.command('authz', 'allow', mary, '--to', www, '--name', 'mary-only');
  try {
    // It cannot be asked, and need not be: it has shown who it is.
    assert.equal((await known.session.renew({ flags })).remoteId, mary);
    await known.hears('with new keys');
    await assert.rejects(unknown.session.renew({ flags }), { code: 'renogiate-not-interruptable' });
    await unknown.hears('still there');
    assert.equal((await old.session.renew({ flags })).remoteId, mary);
    await old.hears('let in');
    await assert.rejects(anonymous.session.renew({ flags }), { code: 'stirred-not-shaken' });
  } finally {
    await stage.pool.command('authz', 'remove', 'mary-only');
  }
});
