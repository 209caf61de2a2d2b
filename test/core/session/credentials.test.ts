import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TlspoolError } from '../../../src/core/errors.ts';
import type { Credential, LocalIdentity } from '../../../src/core/identity/local-identities.ts';
import { parseSelector } from '../../../src/core/identity/selector.ts';
import { Credentials } from '../../../src/core/session/credentials.ts';
import { silentLog } from '../../../src/core/telemetry/log.ts';

const noon = Date.UTC(2030, 0, 1, 12);
const hour = 3_600_000;

function credential(id: number, more: Partial<Credential> = {}): Credential {
  return {
    id,
    role: 'server',
    keyType: 'ec-p256',
    keyUri: `pkcs11:object=${id}`,
    publicKey: Buffer.from([id]),
    chain: [Buffer.from([id])],
    notAfter: new Date(noon + 24 * hour),
    ...more,
  };
}

function identity(...credentials: Credential[]): LocalIdentity {
  return { donai: parseSelector('a.example'), credentials };
}

/** Credentials with an engine that numbers its handles, and keys some of which may be absent. */
function made(t: TestContext, limit?: number) {
  t.mock.timers.enable({ apis: ['Date'], now: noon });
  const absent = new Set<string>();
  const released: number[] = [];
  let last = 0;
  const engine = {
    createCredential: () => ++last,
    releaseCredential: (handle: number) => void released.push(handle),
  };
  const keys = {
    key: (uri: string) => {
      if (absent.has(uri)) throw new TlspoolError('no-key', 'there is no such key');
      return 1;
    },
    release: () => undefined,
  };
  return { credentials: new Credentials(engine, keys, silentLog, limit), absent, released };
}

test('an identity shows the same as long as nothing changes', (t) => {
  const { credentials, released } = made(t);
  const ours = identity(credential(1), credential(2, { validation: '1' }));
  const shown = credentials.handles(ours);
  assert.deepEqual(shown.handles, [1, 2]);
  assert.equal(shown.fingerprint, '1,2,1');
  assert.deepEqual(credentials.handles(ours), shown);
  // Read from the store anew.
  assert.deepEqual(credentials.handles(identity(...ours.credentials)), shown);
  assert.deepEqual(released, []);
});

test('a certificate that has ended is shown no more where there is another', (t) => {
  const { credentials } = made(t);
  const ours = identity(credential(1, { notAfter: new Date(noon + hour) }), credential(2));
  assert.deepEqual(credentials.handles(ours).handles, [1, 2]);
  t.mock.timers.setTime(noon + hour);
  assert.deepEqual(credentials.handles(ours).handles, [2]);
  t.mock.timers.setTime(noon + 25 * hour);
  assert.deepEqual(credentials.handles(ours).handles, [1, 2], 'both have ended');
});

test('a key that is not there is tried again each time', (t) => {
  const { credentials, absent } = made(t);
  const ours = identity(credential(1), credential(2));
  absent.add('pkcs11:object=1');
  assert.deepEqual(credentials.handles(ours).handles, [1]);
  assert.deepEqual(credentials.handles(ours).handles, [1]);
  absent.clear();
  assert.deepEqual(credentials.handles(ours).handles, [2, 1]);
  assert.deepEqual(credentials.handles(ours).handles, [2, 1]);
});

test('what changed in the store is made anew, also for who was found before', (t) => {
  const { credentials, released } = made(t);
  const before = identity(credential(1));
  assert.deepEqual(credentials.handles(before).handles, [1]);
  const after = identity(credential(1, { chain: [Buffer.from('renewed')] }));
  assert.deepEqual(credentials.handles(after).handles, [2]);
  assert.deepEqual(released, [1]);
  assert.deepEqual(credentials.handles(before).handles, [3], 'a handle that was released is gone');
});

test('of more credentials than are kept, those not used for longest are let go of', (t) => {
  const { credentials, released } = made(t, 2);
  const [one, two, three] = [1, 2, 3].map((id) => identity(credential(id)));
  const handle = (of: LocalIdentity | undefined) =>
    credentials.handles(of ?? assert.fail()).handles[0];
  assert.deepEqual([handle(one), handle(two), handle(one)], [1, 2, 1]);
  assert.equal(handle(three), 3);
  assert.deepEqual(released, [2]);
  assert.deepEqual([handle(one), handle(two)], [1, 4]);
  assert.deepEqual(released, [2, 3]);
});

test('each use counts, in whatever order identities become known', (t) => {
  const { credentials, released } = made(t, 2);
  const [one, two] = [identity(credential(1)), identity(credential(2))];
  for (const each of [one, one, two, one]) credentials.handles(each);
  credentials.handles(identity(credential(3)));
  assert.deepEqual(released, [2]);
});

test('what was let go of for want of room is made anew', (t) => {
  const { credentials, released } = made(t, 1);
  const ours = identity(credential(1), credential(2));
  assert.deepEqual(credentials.handles(ours).handles, [1, 2]);
  assert.deepEqual(credentials.handles(ours).handles, [3, 4]);
  assert.deepEqual(released, [1, 2, 3]);
});

test('a credential whose role has changed is made anew', (t) => {
  const { credentials } = made(t);
  const shown = credentials.handles(identity(credential(1)));
  assert.deepEqual(shown.roles, ['server']);
  assert.deepEqual(credentials.handles(identity(credential(1, { role: 'both' }))).roles, ['both']);
});
