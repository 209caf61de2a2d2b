import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LdapSource } from '../../../src/core/authz/group.ts';
import { fetchLdapGroup } from '../../../src/core/authz/ldap-group.ts';
import { children, readElement } from '../../../src/core/trust/der.ts';
import { element, octets, sequence } from '../../../src/core/trust/der-writer.ts';
import { event } from '../../patience.ts';

/** Attributes by what was asked for, of an entry. */
type Directory = (dn: string, attributes: readonly string[]) => Record<string, readonly string[]>;

const text = (value: string) => octets(Buffer.from(value));
const enumerated = (value: number) => element(0x0a, Buffer.of(value));
/** [APPLICATION n] of LDAP's messages (RFC 4511). */
const SEARCH = 0x63;
const ENTRY = 0x64;
const DONE = 0x65;

/** A directory that answers searches as `directory` says, which slapd cannot be made to. */
async function serving(directory: Directory): Promise<AsyncDisposable & { source: LdapSource }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    let waiting: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      waiting = Buffer.concat([waiting, chunk]);
      for (let size = sizeOf(waiting); size <= waiting.length; size = sizeOf(waiting)) {
        answer(socket, waiting.subarray(0, size), directory);
        waiting = waiting.subarray(size);
      }
    });
  }).listen(0, '127.0.0.1');
  await event(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const source: LdapSource = {
    kind: 'ldap',
    ...{ url: `ldap://127.0.0.1:${port}`, dn: 'cn=staff', startTls: false },
    ...{ bindDn: undefined, passwordFile: undefined, caFile: undefined, refresh: 60, stale: 60 },
  };
  const closed = Promise.withResolvers<void>();
  const end = () => {
    server.close(() => closed.resolve());
    return closed.promise;
  };
  return { source, [Symbol.asyncDispose]: end };
}

/** Bytes of the message that begins here; more than there are: it is not whole. */
function sizeOf(bytes: Buffer): number {
  const first = bytes[1] ?? 0;
  if (bytes.length < 2) return Number.POSITIVE_INFINITY;
  if (first < 0x80) return 2 + first;
  const digits = first - 0x80;
  return bytes.length < 2 + digits
    ? Number.POSITIVE_INFINITY
    : 2 + digits + bytes.readUIntBE(2, digits);
}

function answer(socket: Socket, message: Buffer, directory: Directory): void {
  const [id, operation] = children(readElement(message));
  assert.ok(id && operation);
  if (operation.tag !== SEARCH) return;
  const fields = children(operation, SEARCH);
  const dn = String(fields[0]?.content);
  const asked = children(fields.at(-1) ?? assert.fail()).map(({ content }) => String(content));
  const attributes = Object.entries(directory(dn, asked)).map(([name, values]) =>
    sequence(text(name), element(0x31, ...values.map(text))),
  );
  const reply = (...contents: Buffer[]) => socket.write(sequence(id.encoded, ...contents));
  reply(element(ENTRY, text(dn), sequence(...attributes)));
  reply(element(DONE, enumerated(0), text(''), text('')));
}

const people = Array.from({ length: 7 }, (_, index) => `uid=user${index}`);
const person = (dn: string) => ({ mail: [`${dn.slice('uid='.length)}@example.com`] });

/** Gives two members at once, as Active Directory gives 1,500. */
function inParts(first: number): Record<string, readonly string[]> {
  const last = first + 1;
  const isEnd = last >= people.length - 1;
  const name = `member;range=${first}-${isEnd ? '*' : last}`;
  return { [name]: people.slice(first, last + 1) };
}

const addresses = ({ members }: Awaited<ReturnType<typeof fetchLdapGroup>>) =>
  members.map((member) => ('selector' in member ? member.selector.user : '')).sort();

test('members that a directory gives in parts are all read', async () => {
  await using directory = await serving((dn, asked) => {
    if (dn !== 'cn=staff') return person(dn);
    const [, from = '0'] = /^member;range=(\d+)-\*$/.exec(asked[0] ?? '') ?? [];
    return inParts(Number(from));
  });
  const group = await fetchLdapGroup(directory.source);
  assert.deepEqual(
    addresses(group),
    people.map((dn) => dn.slice('uid='.length)),
  );
});

test('a group of which parts are missing, or given twice, is not known', async () => {
  for (const next of [{}, inParts(0)]) {
    await using directory = await serving((dn, asked) => {
      if (dn !== 'cn=staff') return person(dn);
      return asked[0]?.includes('range') ? next : inParts(0);
    });
    const unknown = {
      code: 'directory-unreachable',
      message: /member lacks its values from 2 on/,
    };
    await assert.rejects(fetchLdapGroup(directory.source), unknown);
  }
});

test('members that come as they are need one question', async () => {
  const questions: string[] = [];
  await using directory = await serving((dn, asked) => {
    questions.push(dn);
    assert.deepEqual(asked, ['member', 'uniqueMember', 'mail']);
    if (dn !== 'cn=staff') return person(dn);
    return { member: people.slice(0, 2), uniqueMember: ["uid=user2#'01'B"] };
  });
  const group = await fetchLdapGroup(directory.source);
  assert.deepEqual(addresses(group), ['user0', 'user1', 'user2']);
  assert.equal(questions.length, 4);
});

test('a password file without a password binds nobody in silence', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tlspool-ldap-'));
  t.after(() => rm(folder, { recursive: true }));
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, '\n', { mode: 0o600 });
  await using directory = await serving(() => assert.fail('nothing is to be asked'));
  const source = { ...directory.source, bindDn: 'cn=reader', passwordFile };
  await assert.rejects(fetchLdapGroup(source), {
    code: 'directory-unreachable',
    message: /there is no password in/,
  });
});
