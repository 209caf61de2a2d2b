import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect as connectPool } from '../../src/client/index.ts';
import { socketPair } from '../../src/core/engine/sockets.ts';
import { Pool } from './stage/pool.ts';

const name = 'lists.example.org';
const member = 'mary@example.com';

test('a program asks which groups the remote is in, and what let it in', async () => {
  await using pool = await Pool.serving([[name], [member, '--role', 'client']]);
  await pool.command('authz', 'group', 'create', 'staff', member);
  await pool.command('authz', 'group', 'create', 'list-members', 'group:staff');
  await pool.command('authz', 'allow', 'group:list-members', '--to', name, '--name', 'members');
  const program = await connectPool({ socket: pool.socket });
  try {
    const [ours, theirs] = socketPair();
    const [client, server] = await Promise.all([
      program.startTls({
        fd: theirs,
        role: 'client',
        localId: member,
        remoteId: name,
        plain: () => socketPair()[0],
      }),
      // Nobody is asked for, but for the sake of the rule.
      program.startTls({
        fd: ours,
        role: 'server',
        localId: name,
        flags: { ignoreRemoteId: true },
        plain: () => socketPair()[0],
      }),
    ]);
    assert.equal(server.remoteId, member);
    const { ctlkey } = server;
    const told = async (kind: 'remoteGroup' | 'decision') =>
      (await program.info({ ctlkey, kind })).toString();
    assert.equal(await told('remoteGroup'), 'list-members,staff');
    assert.equal(await told('decision'), 'allowed-by-rule members');
    const compare = (group: string) =>
      program.info({ ctlkey, kind: 'remoteGroup', value: Buffer.from(group) });
    assert.equal((await compare('staff')).toString(), 'staff');
    await assert.rejects(compare('admins'), /differs/);
    const { groups, decision } = await server.details();
    assert.deepEqual([groups, decision], [['list-members', 'staff'], 'allowed-by-rule members']);
    const { ctlkey: other } = client;
    await assert.rejects(program.info({ ctlkey: other, kind: 'decision' }), /no such value/);
  } finally {
    program.close();
  }
});
