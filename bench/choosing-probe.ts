/**
 * How long it takes to choose one of N local identities, and what they take in memory, in a process of its own.
 * Argument: N. Prints one JSON object.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Disclosure } from '../src/core/identity/disclosure.ts';
import { parseDonai } from '../src/core/identity/donai.ts';
import { LocalIdentities } from '../src/core/identity/local-identities.ts';
import { candidates } from '../src/core/session/client-identity.ts';
import { bySni } from '../src/core/session/local-identity.ts';
import { openStore, type Store } from '../src/core/store/store.ts';

/** A certificate as identities have them: EC P-256, from a CA. Its content is not looked at when one is chosen. */
const certificate = Buffer.alloc(560, 0x30);
const LOOKS = 20_000;
const ROUNDS = 15;

const count = Number(process.argv[2]);
const folder = await mkdtemp(join(tmpdir(), 'tlspool-bench-'));
try {
  const store = await openStore(join(folder, 'state'), 'create');
  await fill(store);
  const before = await held();
  const loading = performance.now();
  const identities = new LocalIdentities(store);
  const disclosure = new Disclosure(store);
  await Promise.all([identities.refresh(), disclosure.refresh()]);
  const loadMilliseconds = performance.now() - loading;
  const bytesPerIdentity = ((await held()) - before) / count;
  const microseconds = measure(identities, disclosure);
  await store.close();
  process.stdout.write(`${JSON.stringify({ microseconds, bytesPerIdentity, loadMilliseconds })}\n`);
} finally {
  await rm(folder, { recursive: true });
}

function user(number: number): string {
  return `user${number}@example.net`;
}

function host(number: number): string {
  return `host${number}.example.org`;
}

/** Half of the identities are servers, half are clients, each of these disclosed to one server. */
async function fill(store: Store): Promise<void> {
  const created_at = new Date().toISOString();
  const pem = `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----\n`;
  await store.transaction(async (transaction) => {
    for (let number = 0; number < count; number += 1) {
      const isServer = number % 2 === 0;
      const donai = isServer ? host(number) : user(number);
      const identity = await transaction
        .insertInto('identities')
        .values({ donai, created_at })
        .returning('id')
        .executeTakeFirstOrThrow();
      await transaction
        .insertInto('credentials')
        .values({
          identity_id: identity.id,
          type: 'x509',
          role: isServer ? 'server' : 'client',
          chain: pem,
          key_uri: `pkcs11:token=bench;id=%${(number % 256).toString(16).padStart(2, '0')}`,
          key_type: 'ec-p256',
          public_key: Buffer.alloc(91),
          preference: 10,
          not_after: '2999-01-01T00:00:00.000Z',
          created_at,
        })
        .execute();
      const remote = host(number);
      const local = isServer ? user(number + 1) : donai;
      await transaction
        .insertInto('disclosures')
        .values({ remote, local, position: 0, created_at })
        .execute();
    }
  });
}

/** µs, the median of rounds: a server's choice by SNI and a client's by disclosure, one each. */
function measure(identities: LocalIdentities, disclosure: Disclosure): number {
  const numbers = Array.from({ length: LOOKS }, () => Math.floor(Math.random() * (count / 2)) * 2);
  const names = numbers.map(host);
  const remotes = numbers.map((number) => parseDonai(host(number + 1)));
  const rounds: number[] = [];
  let found = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const begun = performance.now();
    for (let each = 0; each < LOOKS; each += 1) {
      const server = bySni(names[each], [], (id) => identities.find(id, 'server'));
      const remote = remotes[each];
      const entry = remote && disclosure.find(remote);
      const disclosed = { isEmpty: false, entry };
      const client = candidates(undefined, disclosed, (id) => identities.find(id, 'client'));
      found += (server === undefined ? 0 : 1) + client.length;
    }
    rounds.push(((performance.now() - begun) * 1_000) / LOOKS);
  }
  if (found !== ROUNDS * LOOKS * 2) throw new Error(`${found} were found`);
  return rounds.sort((one, other) => one - other)[Math.floor(ROUNDS / 2)] ?? Number.NaN;
}

/** Bytes that are in use after a collection. */
async function held(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
