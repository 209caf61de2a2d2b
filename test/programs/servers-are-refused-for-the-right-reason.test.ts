import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect as connectPool } from '../../src/client/index.ts';
import { connectTcp } from '../../src/core/engine/sockets.ts';
import {
  dns,
  listAt,
  type Maker,
  make,
  makeRoot,
  responderAt,
} from '../core/trust/made-certificates.ts';
import { makeAnswer, makeList, Place } from '../core/trust/made-revocations.ts';
import { within } from '../patience.ts';
import { attempt } from './stage/attempt.ts';
import { MadeServer, type Shown } from './stage/made-server.ts';
import { Pool } from './stage/pool.ts';
import { runTlspool } from './stage/running.ts';

/** What is wrong with a server, what it is told, and what the operator is. */
interface Case {
  readonly shown: Shown;
  readonly alert: string;
  readonly told: RegExp;
}

test('a server is refused with the right alert, and `trust check` says why in a line', async () => {
  const root = makeRoot();
  await using place = await Place.open();
  const cases = casesOf(root, place);
  await using pool = await Pool.serving([], 'fetch_from 127.0.0.1\n');
  const file = (name: string, content: Buffer) => {
    const path = join(pool.folder, name);
    writeFileSync(path, content);
    return path;
  };
  await pool.command('trust', 'add', file('root.der', root.certificate));
  await pool.command('trust', 'add', '--crl', file('root.crl', cases.list));
  await pool.command('trust', 'expression', 'set', 'TI&r&o&', '--role', 'server');

  const shown = new Map(Array.from(cases.byName, ([name, each]) => [name, each.shown]));
  await using server = await MadeServer.start(shown);
  const program = await connectPool({ socket: pool.socket });
  try {
    for (const [name, { alert }] of cases.byName) {
      const fd = connectTcp('127.0.0.1', server.port);
      const attempted = await attempt(program, { fd, role: 'client', remoteId: name });
      assert.equal(await within(`word of ${name}`, server.complaint()), alert, name);
      if ('plain' in attempted) attempted.plain.destroy();
      const answer = 'refused' in attempted ? attempted.refused : 'welcome';
      const expected = alert === 'none' ? /^welcome$/ : /^the other side is not accepted: ./;
      assert.match(answer, expected, name);
    }
  } finally {
    program.close();
  }

  const checks = Array.from(cases.byName, async ([name, { alert, told }]) => {
    const args = ['trust', 'check', `127.0.0.1:${server.port}`, '--as', name];
    const { code, stdout, stderr } = await runTlspool(args, { env: pool.environment });
    const [verdict = ''] = stdout.split('\n');
    assert.match(verdict, told, `${name}: ${stderr}`);
    assert.equal(code, alert === 'none' ? 0 : 1, name);
  });
  await Promise.all(checks);
});

function casesOf(root: Maker, place: Place): { list: Buffer; byName: Map<string, Case> } {
  const issuer = make({ commonName: 'Issuing CA', ca: true, usage: 'none' }, root);
  const leaf = (name: string, more: Parameters<typeof make>[0] = {}, by = root) =>
    make({ names: [dns(`${name}.example.com`)], ...more }, by);
  const good = leaf('good', {
    extensions: [responderAt(place.at('/good', () => makeAnswer(root, good)))],
  });
  const onFile = leaf('on-file');
  const atPoint = leaf(
    'at-point',
    {
      extensions: [listAt(place.at('/issuer.crl', () => makeList(issuer, [atPoint])))],
    },
    issuer,
  );
  const asked = leaf('asked', {
    extensions: [
      responderAt(place.at('/asked', () => makeAnswer(root, asked, { status: 'revoked' }))),
    ],
  });
  const stapled = leaf('stapled');
  const revoked = 'certificate_revoked';
  const cases: Record<string, Case> = {
    good: { shown: { chain: [good] }, alert: 'none', told: /^\S+ is believed as a server\.$/ },
    'over-issuer': {
      shown: { chain: [leaf('over-issuer', {}, issuer), issuer] },
      alert: 'none',
      told: /^\S+ is believed as a server\.$/,
    },
    'on-file': {
      shown: { chain: [onFile] },
      alert: revoked,
      told: /^on-file\.\S+ is not believed as a server: .*a list in the store has it as revoked$/,
    },
    'at-point': {
      shown: { chain: [atPoint, issuer] },
      alert: revoked,
      told: /: the certificate: http:\S+\/issuer\.crl has it as revoked$/,
    },
    asked: {
      shown: { chain: [asked] },
      alert: revoked,
      told: /: http:\S+\/asked says it was revoked on \d{4}-\d\d-\d\d$/,
    },
    stapled: {
      shown: { chain: [stapled], stapled: makeAnswer(root, stapled, { status: 'revoked' }) },
      alert: revoked,
      told: /: the stapled response says it was revoked on \d{4}-\d\d-\d\d$/,
    },
    expired: {
      shown: { chain: [leaf('expired', { from: -20, until: -10 })] },
      alert: 'certificate_expired',
      told: /: the certificate: certificate has expired$/,
    },
    'wrong-name': {
      shown: { chain: [leaf('another')] },
      alert: 'bad_certificate',
      told: /: the certificate is for another\.example\.com, not for wrong-name\.example\.com$/,
    },
    'without-issuer': {
      shown: { chain: [leaf('without-issuer', {}, issuer)] },
      alert: 'unknown_ca',
      told: /: the certificate: unable to get local issuer certificate$/,
    },
    'self-signed': {
      shown: { chain: [make({ names: [dns('self-signed.example.com')] })] },
      alert: 'unknown_ca',
      told: /: the certificate: self-signed certificate$/,
    },
    'for-clients': {
      shown: { chain: [leaf('for-clients', { usage: 'client' })] },
      alert: 'unsupported_certificate',
      told: /: the certificate: unsuitable certificate purpose$/,
    },
  };
  const byName = new Map(
    Object.entries(cases).map(([name, each]) => [`${name}.example.com`, each]),
  );
  return { list: makeList(root, [onFile]), byName };
}
