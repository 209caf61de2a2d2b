import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { LdapSource } from '../../src/core/authz/group.ts';
import { fetchLdapGroup } from '../../src/core/authz/ldap-group.ts';
import { formatWho } from '../../src/core/authz/who.ts';
import {
  type DirectoryAccess,
  withDirectory,
} from '../../src/core/directory/directory-connection.ts';
import { OwnCa } from './stage/own-ca.ts';
import { freePort } from './stage/ports.ts';
import { groupName, Slapd } from './stage/slapd.ts';

const reader = { dn: 'cn=reader,dc=example,dc=com', password: 'let me read' };
let ca: OwnCa;
let slapd: Slapd;
let passwordFile: string;

before(async () => {
  ca = new OwnCa();
  const tls = { port: await freePort(), ...ca.issue('localhost') };
  const groups = { staff: ['mary', 'john'] };
  slapd = await Slapd.start(ca.folder, await freePort(), groups, { tls, reader });
  passwordFile = join(ca.folder, 'password');
  writeFileSync(passwordFile, `${reader.password}\n`, { mode: 0o600 });
});

after(async () => {
  await slapd[Symbol.asyncDispose]();
  ca[Symbol.dispose]();
});

/** The group `staff`, read by whom it wants. */
function staff(changes: Partial<LdapSource> = {}): LdapSource {
  return {
    kind: 'ldap',
    url: slapd.secureUrl,
    dn: groupName('staff'),
    bindDn: reader.dn,
    passwordFile,
    caFile: ca.file,
    startTls: false,
    refresh: 300,
    stale: 3_600,
    ...changes,
  };
}

/** The directory's port without TLS, by name. */
const clear = () => slapd.url.replace('127.0.0.1', 'localhost');

async function members(source: LdapSource): Promise<string[]> {
  return (await fetchLdapGroup(source)).members.map(formatWho).sort();
}

const both = ['john@example.com', 'mary@example.com'];

test('a group is read over ldaps, and over StartTLS, as whom the directory wants', async () => {
  assert.deepEqual(await members(staff()), both);
  assert.deepEqual(await members(staff({ url: clear(), startTls: true })), both);
});

test('a directory that its CA does not vouch for is not believed', async () => {
  for (const how of [{}, { url: clear(), startTls: true }]) {
    const refused = fetchLdapGroup(staff({ ...how, caFile: undefined }));
    await assert.rejects(refused, { code: 'directory-unreachable', message: /certificate/ });
  }
});

test('a certificate for another name is not believed, over StartTLS neither', async () => {
  const address = (url: string) => url.replace('localhost', '127.0.0.1');
  for (const how of [{ url: address(slapd.secureUrl) }, { url: slapd.url, startTls: true }]) {
    await assert.rejects(fetchLdapGroup(staff(how)), { message: /127\.0\.0\.1.*cert/ });
  }
});

test('whoever is not bound, or with a wrong password, reads nothing', async () => {
  const nobody = staff({ bindDn: undefined, passwordFile: undefined });
  await assert.rejects(fetchLdapGroup(nobody), { code: 'directory-unreachable' });
  const wrong = join(ca.folder, 'wrong');
  writeFileSync(wrong, 'open sesame', { mode: 0o600 });
  const refused = fetchLdapGroup(staff({ passwordFile: wrong }));
  await assert.rejects(refused, (error: Error) => {
    assert.doesNotMatch(error.message, /sesame/, 'a password is in no message');
    return true;
  });
});

test('a password that others can read is not used', async () => {
  const open = join(ca.folder, 'open');
  writeFileSync(open, reader.password);
  chmodSync(open, 0o644);
  await assert.rejects(fetchLdapGroup(staff({ passwordFile: open })), { message: /chmod go=/ });
});

/** Stands between us and a server. */
class Between implements AsyncDisposable {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  connections = 0;

  static async start(met: (socket: Socket) => Socket[]): Promise<Between> {
    const between = new Between(met);
    between.#server.listen(0, '127.0.0.1');
    await once(between.#server, 'listening');
    return between;
  }

  private constructor(met: (socket: Socket) => Socket[]) {
    this.#server = createServer((socket) => {
      this.connections += 1;
      for (const each of [socket, ...met(socket)]) {
        this.#open.add(each);
        each.on('error', () => each.destroy());
      }
    });
  }

  get url(): string {
    return `ldap://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function access(url: string): DirectoryAccess {
  return { url, caFile: ca.file, startTls: true, bindDn: reader.dn, passwordFile };
}

test('a connection that was cut is not made anew, without TLS', async () => {
  const port = Number(new URL(slapd.url).port);
  await using between = await Between.start((socket) => {
    const onwards = connect(port, '127.0.0.1');
    socket.pipe(onwards).pipe(socket);
    return [onwards];
  });
  const signal = AbortSignal.timeout(60_000);
  const search = withDirectory(access(between.url), signal, async (client) => {
    const { searchEntries } = await client.search(groupName('staff'), { scope: 'base' });
    assert.equal(searchEntries.length, 1);
    between.cut();
    return await client.search(groupName('staff'), { scope: 'base' });
  });
  await assert.rejects(search);
  assert.equal(between.connections, 1);
});

test('a directory that agrees to StartTLS and then says nothing is waited for no longer than allowed', async () => {
  // ExtendedResponse, success (RFC 4511 section 4.14.2).
  const agreed = Buffer.from('300c02010178070a010004000400', 'hex');
  await using silent = await Between.start((socket) => {
    socket.once('data', () => socket.write(agreed));
    return [];
  });
  const waiting = withDirectory(access(silent.url), AbortSignal.timeout(1_000), async () => 'read');
  await assert.rejects(waiting, { name: 'TimeoutError' });
});
