import assert from 'node:assert/strict';
import { randomBytes, sign } from 'node:crypto';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { Authority } from '../../../src/core/authority/authorities.ts';
import { authoritySigner } from '../../../src/core/authority/authority-signer.ts';
import { makeCrl } from '../../../src/core/authority/crl.ts';
import type { IssuedRecord } from '../../../src/core/authority/issued.ts';
import { Responder } from '../../../src/core/authority/responder.ts';
import { Engine } from '../../../src/core/engine/engine.ts';
import { fingerprintsOf } from '../../../src/core/trust/fingerprints.ts';
import { forge } from '../trust/forged-certificates.ts';
import {
  der,
  extension,
  type Maker,
  make,
  makeRoot,
  sequence,
} from '../trust/made-certificates.ts';

const DAY = 24 * 60 * 60;
/** Our roots tell their key from others' (subjectKeyIdentifier). */
const keyIdentifier = extension('551d0e', der(0x04, randomBytes(20)));
const ca = { ca: true, usage: 'none', extensions: [keyIdentifier] } as const;
const roots = {
  ec: make({ ...ca, commonName: 'EC' }),
  other: make({ ...ca, commonName: 'Another' }),
};
const issued = Array.from({ length: 3 }, (_, n) => make({ commonName: `leaf ${n}` }, roots.ec));
const [good, revoked, neverIssued] = issued as [Maker, Maker, Maker];

const records: IssuedRecord[] = [good, revoked].map(({ certificate }) => ({
  serial: fingerprintsOf(certificate).serial,
  authorityId: 1,
  id: 'john@example.com',
  role: 'client',
  notBefore: new Date(Date.now() - DAY * 1000),
  notAfter: new Date(Date.now() + DAY * 1000),
  revokedAt: certificate === revoked.certificate ? new Date('2026-01-02T03:04:05Z') : undefined,
  certificate,
}));

function signerOf(root: Maker, id: number) {
  const authority: Authority = { id, kind: 'ec', certificate: root.certificate, keyUri: '' };
  return authoritySigner(authority, async (content) => sign('sha256', content, root.privateKey));
}

const responder = new Responder(
  [signerOf(roots.ec, 1), signerOf(roots.other, 2)],
  async (id, serial) =>
    records.find((record) => record.authorityId === id && record.serial === serial),
);

let engine: Engine;
before(() => {
  engine = Engine.start({ threads: 1 });
});
after(() => engine.stop());

/** What OpenSSL makes of the answer about a certificate. */
async function asked(about: Maker, issuer: Maker, nonce?: Buffer) {
  const { certificate } = about;
  const response = await responder.answer(
    engine.ocspRequest(certificate, issuer.certificate, nonce),
  );
  return engine.verifyOcsp({
    response,
    certificate,
    issuer: issuer.certificate,
    nonce,
    nonceRequired: nonce !== undefined,
    longest: DAY,
  });
}

test('what was signed is good until it is revoked, and of the rest nothing is known', async () => {
  assert.equal((await asked(good, roots.ec)).status, 'good');
  const { status, revokedAt } = await asked(revoked, roots.ec);
  assert.equal(status, 'revoked');
  assert.equal(revokedAt, Date.parse('2026-01-02T03:04:05Z') / 1000);
  assert.equal((await asked(neverIssued, roots.ec)).status, 'unknown');
  assert.equal((await asked(make({}, roots.other), roots.other)).status, 'unknown');
});

test('a nonce is repeated', async () => {
  assert.equal((await asked(good, roots.ec, randomBytes(32))).status, 'good');
});

test('about the certificates of a stranger nothing is said', async () => {
  const verdict = await asked(good, makeRoot('Stranger'));
  assert.deepEqual(
    [verdict.status, verdict.reason],
    ['invalid', 'the responder says unauthorized'],
  );
});

test('what is stapled is what would be answered', async () => {
  const [record] = records;
  assert.ok(record);
  const verdict = await engine.verifyOcsp({
    response: await responder.about(record),
    certificate: good.certificate,
    issuer: roots.ec.certificate,
    longest: DAY,
  });
  assert.equal(verdict.status, 'good');
});

/** OCSPResponse { responseStatus malformedRequest } */
const MALFORMED = Buffer.from('30030a0101', 'hex');

test('whatever is no request is answered so', async () => {
  const request = engine.ocspRequest(good.certificate, roots.ec.certificate);
  for (let length = 0; length < request.length; length += 1) {
    assert.deepEqual(await responder.answer(request.subarray(0, length)), MALFORMED);
  }
  const one = request.subarray(4);
  assert.deepEqual(
    await responder.answer(sequence(sequence(sequence(...Array.from({ length: 17 }, () => one))))),
    MALFORMED,
  );
  await fc.assert(
    fc.asyncProperty(
      fc.nat(request.length - 1),
      fc.uint8Array({ maxLength: 20 }),
      async (at, bytes) => {
        const changed = Buffer.concat([
          request.subarray(0, at),
          bytes,
          request.subarray(at + bytes.length),
        ]);
        const response = await responder.answer(changed);
        assert.equal(response[0], 0x30);
      },
    ),
    { numRuns: 500 },
  );
});

test('a list has what is revoked and not expired, and OpenSSL believes it', async () => {
  const list = await engine.createCrl(await makeCrl(signerOf(roots.ec, 1), records));
  const anchors = engine.createAnchors([roots.ec.certificate]);
  const verdict = async ({ certificate }: Maker) =>
    (await engine.verifyPath({ chain: [certificate], anchors, crls: [list.handle] })).message;
  assert.equal(await verdict(good), 'ok');
  assert.equal(await verdict(revoked), 'certificate revoked');
  engine.releaseCrl(list.handle);

  const later = new Date(Date.now() + 2 * DAY * 1000);
  const without = await makeCrl(signerOf(roots.ec, 1), records, 7, later);
  const { serial } = records[1] as IssuedRecord;
  assert.ok(!without.includes(Buffer.from(serial, 'hex')), 'it has expired by then');
  engine.releaseAnchors(anchors);
});

test('serials whose first bit is set are positive in lists and answers', async () => {
  const high = forge({ serial: der(0x02, Buffer.from('00ff0102030405060708', 'hex')) }, roots.ec);
  const { serial } = fingerprintsOf(high.certificate);
  assert.equal(serial, 'ff0102030405060708');
  const record = { ...(records[1] as IssuedRecord), serial, certificate: high.certificate };
  const list = await engine.createCrl(await makeCrl(signerOf(roots.ec, 1), [record]));
  const anchors = engine.createAnchors([roots.ec.certificate]);
  const { message } = await engine.verifyPath({
    chain: [high.certificate],
    anchors,
    crls: [list.handle],
  });
  assert.equal(message, 'certificate revoked');
  const about = await new Responder([signerOf(roots.ec, 1)], async () => record).about(record);
  const { status } = await engine.verifyOcsp({
    response: about,
    certificate: high.certificate,
    issuer: roots.ec.certificate,
    longest: DAY,
  });
  assert.equal(status, 'revoked');
  engine.releaseCrl(list.handle);
  engine.releaseAnchors(anchors);
});
