import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Authorisation } from '../../src/core/authz/authorisation.ts';
import { makeRule } from '../../src/core/authz/make-rule.ts';
import { insertGroup } from '../../src/core/authz/stored-groups.ts';
import { insertRules } from '../../src/core/authz/stored-rules.ts';
import { parseDonai } from '../../src/core/identity/donai.ts';
import { openStore } from '../../src/core/store/store.ts';
import { silentLog } from '../../src/core/telemetry/log.ts';
import { event, patience, until } from '../patience.ts';
import { freePort } from './stage/ports.ts';
import { groupName, Slapd } from './stage/slapd.ts';

/** Kept for each look, its members alone would take more than 50 kB. */
const MEMBERS = 300;
const WARM_UP = 20;
const LOOKS = 120;
/** Bytes; a third of what would be kept if members of earlier looks were. */
const BOUND = 2 * 1024 * 1024;

const author = { note: '', madeBy: 'test', madeAt: new Date(0).toISOString() };
const localId = parseDonai('lists.example.org');
const remote = { id: parseDonai('user7@example.com'), names: [], validatedBy: 'TI' };

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes that are still in use when everything was let go of that can be. */
async function bytesInUse(): Promise<number> {
  for (let round = 0; round < 4; round += 1) {
    await new Promise(setImmediate);
    collectGarbage();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test('a directory that is read again and again, or hangs up, takes no more memory and no more files', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tlspool-directory-'));
  await using parts = new AsyncDisposableStack();
  parts.defer(() => rmSync(folder, { recursive: true }));
  const port = await freePort();
  const people = Array.from({ length: MEMBERS }, (_, index) => `user${index}`);
  const slapd = parts.use(await Slapd.start(folder, port, { staff: people }));
  const store = parts.use(await openStore(join(folder, 'state'), 'create'));
  await insertGroup(store.db, {
    name: 'staff',
    source: {
      ...{ kind: 'ldap', url: slapd.url, dn: groupName('staff'), startTls: false },
      ...{ bindDn: undefined, passwordFile: undefined, caFile: undefined },
      ...{ refresh: 0.01, stale: 3600 },
    },
    ...author,
  });
  const rule = { effect: 'allow', who: 'group:staff', to: 'lists.example.org', name: undefined };
  await insertRules(store.db, [makeRule({ ...rule, effect: 'allow' }, author, () => 'r1')]);

  let looks = 0;
  const log = {
    ...silentLog,
    debug: (fields: object) => {
      if ('members' in fields && fields.members === MEMBERS) looks += 1;
    },
  };
  const settings = { authorisationRequired: false, authorisationMonitor: false };
  const authorisation = parts.use(new Authorisation(store, () => settings, 0, log));
  const allowed = () => {
    const question = { remote, localId, service: 'smtp', address: '', at: Date.now() };
    return authorisation.decide(question).allowed;
  };
  /** Each look takes the place of what was believed before, and is decided by. */
  const looked = async (times: number) => {
    const last = looks + times;
    const through = async () => {
      await authorisation.refresh();
      assert.equal(looks === 0 || allowed(), true);
      return looks >= last;
    };
    await until(`${times} looks`, through, 5 * patience);
  };
  await looked(WARM_UP);
  const before = await bytesInUse();
  await looked(LOOKS);
  const grown = (await bytesInUse()) - before;
  assert.ok(grown < BOUND, `${LOOKS} looks at the directory took ${grown} bytes`);

  await slapd.stop();
  let calls = 0;
  const hangingUp = createServer((socket) => {
    calls += 1;
    socket.on('error', () => undefined).destroy();
  }).listen(port, '127.0.0.1');
  parts.defer(() => {
    hangingUp.close();
  });
  await event(hangingUp, 'listening');
  await until('calls', async () => calls >= LOOKS, 5 * patience);
  const handles = process.getActiveResourcesInfo().length;
  const failed = (await bytesInUse()) - before;
  assert.ok(failed < BOUND, `${calls} more that failed took ${failed} bytes in all`);
  await until('more calls', async () => calls >= 3 * LOOKS, 5 * patience);
  const more = process.getActiveResourcesInfo().length - handles;
  assert.ok(more < LOOKS / 4, `${more} more handles are open`);
  assert.equal(allowed(), true, 'what it said last is believed');
});
