/** A corpus of the worst (see hell.ts): nothing of it is believed, and neither engine nor brain suffer. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Engine } from '../../../src/core/engine/engine.ts';
import type { TlsRole } from '../../../src/core/engine/types.ts';
import { TlspoolError } from '../../../src/core/errors.ts';
import { formatDonai, parseDonai } from '../../../src/core/identity/donai.ts';
import { openStore, type Store } from '../../../src/core/store/store.ts';
import { ANYONE, addAnchor } from '../../../src/core/trust/anchors.ts';
import { Trust } from '../../../src/core/trust/trust.ts';
import { within } from '../../patience.ts';
import { forge } from './forged-certificates.ts';
import {
  chains,
  constraintTricks,
  encodings,
  fields,
  good,
  NAME,
  odd,
  root,
  smuggled,
  USER,
  usual,
  wanted,
} from './hell.ts';
import { der } from './made-certificates.ts';
import { makeAnswer, makeList } from './made-revocations.ts';

let engine: Engine;
let folder: string;
let store: Store;
let trust: Trust;
before(async () => {
  engine = Engine.start({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'tlspool-hell-'));
  store = await openStore(join(folder, 'state'), 'create');
  await addAnchor(store.db, {
    certificate: root.certificate,
    role: 'both',
    selectors: ANYONE,
    source: 'operator',
  });
  trust = new Trust(store, engine);
  await trust.refresh();
});
after(async () => {
  trust.close();
  await store.close();
  await engine.stop();
  await rm(folder, { recursive: true });
});

/** Whom the chain is believed to be, in one of the roles; undefined: nobody. */
async function believed(
  chain: readonly Buffer[],
  remoteRole: TlsRole,
  expected?: string,
): Promise<string | undefined> {
  const verdict = await within(
    'a verdict',
    trust.validate({
      chain,
      remoteRole,
      expected: expected === undefined ? undefined : parseDonai(expected),
      explain: true,
    }),
  );
  if (verdict.ok) return verdict.remoteId && formatDonai(verdict.remoteId);
  // Fit for a log and a terminal: one line that says something and moves no cursor.
  assert.match(verdict.reason, /^[^\p{C}\p{Zl}\p{Zp}]{5,1000}$/u);
  return undefined;
}

async function assertNobody(chain: readonly Buffer[], what: string): Promise<void> {
  for (const name of wanted) {
    assert.equal(await believed(chain, 'server', name), undefined, `${what}, as ${name}`);
  }
  const client = await believed(chain, 'client');
  assert.ok(client === undefined || !wanted.includes(client), `${what}, as client ${client}`);
}

test('what is no DER, or not a certificate, is refused', async () => {
  for (const [what, encoding] of Object.entries(encodings)) {
    await assertNobody([encoding], what);
    await assertNobody([encoding, good.certificate, root.certificate], `${what} and a good one`);
  }
});

test('a certificate that is cut off anywhere is refused', async () => {
  const { certificate } = good;
  for (let length = 1; length < certificate.length; length += 3) {
    const cut = certificate.subarray(0, length);
    assert.equal(await believed([cut], 'server', NAME), undefined, `after ${length} bytes`);
  }
});

test('a certificate with a bit turned is refused', async () => {
  const { certificate } = good;
  for (let at = 0; at < certificate.length; at += 1) {
    const turned = Buffer.from(certificate);
    turned[at] = (turned[at] ?? 0) ^ (1 << (at % 8));
    assert.equal(await believed([turned], 'server', NAME), undefined, `byte ${at}`);
  }
});

test('a field that is not what it should be has the certificate refused', async () => {
  for (const [what, chain] of Object.entries(fields)) await assertNobody(chain, what);
});

test('a name that is smuggled in is never believed', async () => {
  for (const [what, chain] of Object.entries(smuggled)) await assertNobody(chain, what);
});

test('constraints of a CA are not got round', async () => {
  for (const [what, chain] of Object.entries(constraintTricks)) await assertNobody(chain, what);
});

test('a chain that leads nowhere, or where it should not, is refused', async () => {
  for (const [what, chain] of Object.entries(chains)) await assertNobody(chain, what);
});

test('what is only odd is borne', async () => {
  for (const [what, chain] of Object.entries(odd)) {
    const asServer = await believed(chain, 'server', NAME);
    assert.ok(asServer === undefined || asServer === NAME, what);
    assert.equal(await believed(chain, 'server', 'www.example.org'), undefined, what);
    const asClient = await believed(chain, 'client');
    assert.ok(asClient === undefined || asClient === USER, what);
  }
});

test('lists and responses with a bit turned, or cut off, say nothing', async () => {
  const other = forge({ serial: der(0x02, Buffer.of(2)), extensions: usual }, root);
  const question = {
    certificate: good.certificate,
    issuer: root.certificate,
    longest: 24 * 60 * 60,
  };
  const answer = makeAnswer(root, good);
  assert.equal((await engine.verifyOcsp({ ...question, response: answer })).status, 'good');
  for (let at = 0; at < answer.length; at += 1) {
    const turned = Buffer.from(answer);
    turned[at] = (turned[at] ?? 0) ^ (1 << (at % 8));
    for (const response of [turned, answer.subarray(0, at)]) {
      const { status } = await engine.verifyOcsp({ ...question, response });
      assert.equal(status, 'invalid', `byte ${at}`);
    }
  }
  const list = makeList(root, [other]);
  for (let at = 0; at < list.length; at += 1) {
    const turned = Buffer.from(list);
    turned[at] = (turned[at] ?? 0) ^ (1 << (at % 8));
    for (const content of [turned, list.subarray(0, at)]) {
      let held: Awaited<ReturnType<Engine['createCrl']>>;
      try {
        held = await engine.createCrl(content);
      } catch (error) {
        assert.ok(error instanceof TlspoolError);
        continue;
      }
      const anchors = engine.createAnchors([root.certificate]);
      const { ok } = await engine.verifyPath({
        chain: [good.certificate],
        anchors,
        crls: [held.handle],
      });
      assert.ok(!ok, `byte ${at}`);
      engine.releaseAnchors(anchors);
      engine.releaseCrl(held.handle);
    }
  }
});

test('after all that, the good one is still believed', async () => {
  assert.equal(await believed([good.certificate], 'server', NAME), NAME);
  assert.equal(await believed([good.certificate], 'client'), USER);
});
