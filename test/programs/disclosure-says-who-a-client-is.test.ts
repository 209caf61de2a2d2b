import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../src/client/index.ts';
import { bothSides } from './stage/both-sides.ts';
import { Pool } from './stage/pool.ts';

const host = 'www.example.com';

test('a client shows what disclosure says for the remote, and no more than that', async () => {
  await using pool = await Pool.serving([[host], ['john@example.com'], ['work@example.com']]);
  const [server, client] = [
    await connect({ socket: pool.socket }),
    await connect({ socket: pool.socket }),
  ];
  /** Who the server sees. */
  const seen = async (
    localId?: string,
    chooseLocalId?: (proposed: string) => string | undefined,
  ) => {
    using both = await bothSides(server, client, {
      clientRequest: {
        remoteId: host,
        localId,
        ...(chooseLocalId && { chooseLocalId: (who) => chooseLocalId(who.localId) }),
      },
    });
    assert.equal(both.client.localId, both.server.remoteId);
    return both.server.remoteId;
  };

  // Nothing is said: the program decides.
  assert.equal(await seen(), '');
  assert.equal(await seen('john@example.com'), 'john@example.com');

  await pool.command('disclose', 'add', '.example.com', 'nobody@example.com');
  await pool.command('disclose', 'add', '.example.com', 'john@example.com');
  assert.equal(await seen(), 'john@example.com');
  await assert.rejects(seen('work@example.com'), { code: 'EACCES', message: /not disclosed/ });
  assert.equal(await seen('john@example.com'), 'john@example.com');

  await pool.command('disclose', 'add', '.example.com', 'work@example.com', '--first');
  assert.equal(await seen(), 'work@example.com');

  // The program that wants to be asked is proposed one after the other, and nobody else is accepted. That nothing was shown
  // before is not resumed.
  const proposed: string[] = [];
  const picky = await seen(undefined, (name) => {
    proposed.push(name);
    return name === 'john@example.com' ? name : undefined;
  });
  assert.equal(picky, 'john@example.com');
  assert.deepEqual(proposed, ['work@example.com', 'john@example.com']);
  assert.equal(await seen(undefined, () => undefined), '');
  await pool.command('disclose', 'remove', '.example.com', 'john@example.com');
  await assert.rejects(
    seen(undefined, () => 'john@example.com'),
    { code: 'EACCES' },
  );

  // A more specific entry hides the general one, also where it has nobody to show.
  await pool.command('disclose', 'add', host, 'nobody@example.com');
  assert.equal(await seen(), '');
  const told = JSON.parse(await pool.command('disclose', 'list', '--json'));
  assert.deepEqual(told.disclosures, [
    { remote: '.example.com', locals: ['work@example.com', 'nobody@example.com'] },
    { remote: host, locals: ['nobody@example.com'] },
  ]);
  server.close();
  client.close();
});
