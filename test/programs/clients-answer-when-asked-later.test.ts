import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connect, type PoolConnection } from '../../src/client/index.ts';
import { within } from '../patience.ts';
import { OwnCa } from './stage/own-ca.ts';
import { Pool } from './stage/pool.ts';
import { Renewable, type Terms } from './stage/renewable.ts';

const askingServer = fileURLToPath(new URL('stage/asking-server.py', import.meta.url));
const server = 'server.example.org';
const mary = 'mary@example.com';
const john = 'john@example.com';

let pool: Pool;
let program: PoolConnection;
const ca = new OwnCa();
before(async () => {
  pool = await Pool.serving([
    [mary, '--role', 'client'],
    [john, '--role', 'client'],
  ]);
  await pool.command('trust', 'add', ca.file, '--role', 'server');
  program = await connect({ socket: pool.socket });
  await program.ping();
});
after(async () => {
  program?.close();
  await pool?.[Symbol.asyncDispose]();
  ca[Symbol.dispose]();
});

/** The words of a Python server, which asks when it is told to. */
function asking(port: number, demand: string): string[] {
  const { key, cert } = ca.issue(server);
  return ['python3', askingServer, String(port), cert, key, pool.caFile, demand];
}

/** Our client at such a server. */
function visited(terms?: Terms, demand = 'optional'): Promise<Renewable> {
  return Renewable.client(program, server, (port) => asking(port, demand), terms);
}

/** The server asks; whom it has seen then. */
async function asked(one: Renewable): Promise<void> {
  one.plain.write('who\n');
  await one.hasHeard('asked\n');
  one.plain.write('you\n');
}

/** Once more. */
async function askedAgain(one: Renewable): Promise<void> {
  one.plain.write('who\nagain\n');
  await one.hasHeard('again\n');
  one.plain.write('you\n');
}

test('who the application says it is, is shown, and data flows on', async () => {
  await using one = await visited({ localId: mary });
  assert.equal(one.session.localId, '');
  await asked(one);
  await one.hasHeard(`you are ${mary}\n`);
  const kind = 'ownSubject';
  assert.ok((await program.info({ ctlkey: one.session.ctlkey, kind })).length > 0);
  const [open] = JSON.parse(await pool.command('sessions', 'list', '--json')).sessions;
  assert.equal(open.localId, mary);
  await askedAgain(one);
  await one.hasHeard(`you are ${mary}\nasked\nagain\nyou are ${mary}\n`);
});

test('nothing is shown where nothing is disclosed, and the session goes on', async () => {
  await using one = await visited();
  await asked(one);
  await one.hasHeard('you are nobody\n');
  one.plain.write('still here\n');
  await one.hasHeard('still here\n');
});

test('who comes after somebody who was asked later is not that one by resumption', async () => {
  let port = 0;
  await using one = await Renewable.client(program, server, (free) => {
    port = free;
    return asking(free, 'optional');
  });
  await pool.command('disclose', 'add', server, john);
  await asked(one);
  await one.hasHeard(`you are ${john}\n`);
  await pool.command('disclose', 'remove', server, john);
  one.plain.end();
  await once(one.plain, 'end');
  await using other = await Renewable.visiting(program, server, port, one.other);
  other.plain.write('you\n');
  await other.hasHeard('you are ');
  assert.equal(other.heard, 'you are nobody\n');
});

test('a server that insists ends the session, and says why', async () => {
  await using one = await visited(undefined, 'required');
  const ended = once(one.plain, 'end');
  one.plain.write('who\n');
  await within('the end of the session', ended);
  await one.other.printing(/did not return a certificate/);
});

test('disclosure decides as of now, not as of when the session began', async () => {
  await using one = await visited();
  await pool.command('disclose', 'add', server, john);
  try {
    await asked(one);
    await one.hasHeard(`you are ${john}\n`);
    // From the first entry on the table rules, whatever the application says.
    await using other = await visited({ localId: john });
    await pool.command('disclose', 'remove', server, john);
    await pool.command('disclose', 'add', 'elsewhere.example.org', mary);
    await asked(other);
    await other.hasHeard('you are nobody\n');
  } finally {
    await pool.command('disclose', 'remove', 'elsewhere.example.org', mary);
  }
});

test('an application that wanted a say is not asked again: only whom it agreed to is shown', async () => {
  const terms = { localId: mary, chooseLocalId: () => mary };
  await using one = await visited(terms);
  await asked(one);
  await one.hasHeard('you are nobody\n');
  // Asked in the handshake, it did agree.
  await using other = await visited(terms, 'twice');
  assert.equal(other.session.localId, mary);
  other.plain.write('you\n');
  await other.hasHeard(`you are ${mary}\n`);
  await askedAgain(other);
  await other.hasHeard(`you are ${mary}\nasked\nagain\nyou are ${mary}\n`);
});

test('a renewal that waits for the application does not undo what was shown meanwhile', async () => {
  await using one = await visited();
  await pool.command('disclose', 'add', server, john);
  await asked(one);
  await one.hasHeard(`you are ${john}\n`);
  await pool.command('disclose', 'add', server, mary);
  await pool.command('disclose', 'remove', server, john);
  try {
    const { promise: proposed, resolve: propose } = Promise.withResolvers<string>();
    const { promise: answer, resolve: agree } = Promise.withResolvers<string>();
    const renewal = one.session.renew({
      flags: { ignoreRemoteId: true },
      chooseLocalId: ({ localId }) => {
        propose(localId);
        return answer;
      },
    });
    assert.equal(await within('the question to the application', proposed), john);
    await askedAgain(one);
    await one.hasHeard(`you are ${mary}\n`);
    agree(john);
    assert.equal((await renewal).localId, mary);
    const [open] = JSON.parse(await pool.command('sessions', 'list', '--json')).sessions;
    assert.equal(open.localId, mary);
  } finally {
    await pool.command('disclose', 'remove', server, mary);
  }
});

test('a key that our identity accepts at its first use is remembered; a server with another key sees nobody', async () => {
  await using first = await visited();
  await using second = await visited();
  await pool.command('trust', 'expression', 'set', 'p', '--local-id', mary);
  await pool.command('disclose', 'add', server, mary);
  try {
    await asked(first);
    await first.hasHeard(`you are ${mary}\n`);
    await asked(second);
    await second.hasHeard('you are nobody\n');
    await askedAgain(first);
    await first.hasHeard(`again\nyou are ${mary}\n`);
  } finally {
    await pool.command('disclose', 'remove', server, mary);
    await pool.command('trust', 'expression', 'set', '--default', '--local-id', mary);
  }
});
