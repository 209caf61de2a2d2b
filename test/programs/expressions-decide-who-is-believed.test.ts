import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { connect as connectPool } from '../../src/client/index.ts';
import { openStore } from '../../src/core/store/store.ts';
import { parseExpression } from '../../src/core/trust/expression.ts';
import { setPolicy } from '../../src/core/trust/policies.ts';
import { dns, extension, type Maker, make, makeRoot } from '../core/trust/made-certificates.ts';
import { within } from '../patience.ts';
import { MadeServer } from './stage/made-server.ts';
import { Pool } from './stage/pool.ts';
import { visit } from './stage/visit.ts';

const root = makeRoot();
const name = (label: string) => `${label}.example.com`;

function leaf(label: string, ...extensions: Buffer[]): Maker {
  return make({ names: [dns(name(label))], extensions }, root);
}

/** With a key of ML-DSA, which signs for it in the handshake. */
function lattice(): Maker {
  const { publicKey, privateKey } = generateKeyPairSync('ml-dsa-65');
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  return { ...make({ names: [dns(name('lattice'))], publicKey: spki }, root), privateKey };
}

/** 1.3.6.1.4.1.99999.1 */
const marked = (critical: boolean) => extension('2b06010401868d1f01', Buffer.of(5, 0), critical);

const config = `level_high ec 384
level_low ec 256 hash sha256
required_extensions smtp critical:1.3.6.1.4.1.99999.1
`;

test('expressions are met by what a handshake really is like, or it is refused', async () => {
  const leaves = {
    plain: leaf('plain'),
    critical: leaf('critical', marked(true)),
    uncritical: leaf('uncritical', marked(false)),
    lattice: lattice(),
  };
  const shown = new Map(
    Object.entries(leaves).map(([label, maker]) => [name(label), { chain: [maker] as const }]),
  );
  await using pool = await Pool.serving([], config);
  const ca = join(pool.folder, 'root.der');
  writeFileSync(ca, root.certificate);
  await pool.command('trust', 'add', ca);
  await using modern = await MadeServer.start(shown);
  await using older = await MadeServer.start(shown, {
    maxVersion: 'TLSv1.2',
    ecdhCurve: 'prime256v1',
  });
  await using store = await openStore(pool.stateDir, 'write');
  const program = await connectPool({ socket: pool.socket });
  const rows: readonly (readonly [string, string, MadeServer, string, string])[] = [
    // expression, who, where, service, what the server is told
    ['T', 'plain', modern, '', 'none'],
    ['T', 'critical', modern, 'smtp', 'none'],
    ['T', 'critical', modern, '', 'unsupported_certificate'],
    ['E', 'critical', modern, 'smtp', 'none'],
    ['E', 'uncritical', modern, 'smtp', 'unsupported_certificate'],
    ['e', 'uncritical', modern, 'smtp', 'none'],
    ['e', 'plain', modern, 'smtp', 'unsupported_certificate'],
    ['e', 'critical', modern, 'imap', 'bad_certificate'],
    ['L', 'plain', modern, '', 'bad_certificate'],
    ['l', 'plain', modern, '', 'none'],
    ['Q', 'plain', modern, '', 'none'],
    ['Q', 'plain', older, '', 'handshake_failure'],
    ['q', 'plain', modern, '', 'unsupported_certificate'],
    ['Tq&', 'lattice', modern, '', 'none'],
    ['A', 'plain', modern, '', 'handshake_failure'],
    ['a', 'plain', modern, '', 'none'],
    ['a', 'plain', older, '', 'handshake_failure'],
    ['F', 'plain', older, '', 'none'],
    ['c', 'plain', modern, '', 'none'],
    ['s', 'plain', modern, '', 'handshake_failure'],
    ['C', 'plain', modern, '', 'handshake_failure'],
    ['I', 'plain', modern, '', 'none'],
    ['I~', 'plain', modern, '', 'handshake_failure'],
  ];
  try {
    for (const [expression, label, server, service, alert] of rows) {
      await setPolicy(store.db, 'server', parseExpression(expression));
      // The daemon looks at its store every few milliseconds.
      await pause(20);
      const answer = await visit(program, server.port, name(label), service);
      const what = `${expression} ${label} ${service}: ${answer}`;
      assert.equal(await within(what, server.complaint()), alert, what);
      assert.equal(answer === 'welcome', alert === 'none', what);
    }
  } finally {
    program.close();
  }
});
