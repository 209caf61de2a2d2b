import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Example, examples } from '../core/starttls/examples.ts';
import type { Actor } from '../core/starttls/simulation.ts';
import { StartTlsServer } from './stage/starttls-server.ts';
import { WrappedClients } from './stage/wrapped-client.ts';

const skip = process.getuid?.() !== 0;
const { name } = WrappedClients;

/** What somebody on the way adds to what the server says last in the clear. */
const injected = 'INJECTED\r\n';

/** Each server that the program connects to is one of these, in each protocol. */
interface Variant {
  readonly is: 'honest' | 'injecting' | `stripping ${number}`;
  readonly clear: Actor;
}

function variantsOf({ server, without }: Example): Variant[] {
  const stripping = without.map((clear, n): Variant => ({ is: `stripping ${n}`, clear }));
  return [
    { is: 'honest', clear: server },
    { is: 'injecting', clear: injecting(server) },
    ...stripping,
  ];
}

/** Behind the server's word that TLS may begin, in the same packet; without one, behind its greeting. */
function injecting(server: Actor): Actor {
  const { greeting, answer } = server;
  if (!answer) return { greeting: `${greeting}${injected}` };
  const answerAndMore = (heard: string, more: string) => {
    const words = answer(heard, more);
    return words === undefined ? undefined : `${words}${injected}`;
  };
  return { ...server, answer: answerAndMore };
}

/** Inside TLS, where it is not just the program's word. */
const insides: Readonly<Record<string, Actor>> = {
  // Our side asks for protected data before the program is heard.
  ftp: { answer: (_, more) => (more.includes('WHO') ? '200 INSIDE TLS\r\n' : '200 done\r\n') },
  // Numbers go on from those before TLS; OK ends that.
  mysql: { answer: (_, more) => (more[3] === '\x02' ? '\x03\0\0\x03\0\0\0INSIDE TLS' : undefined) },
};
const inside: Actor = {
  answer: (heard, more) =>
    heard.includes('WHO ARE YOU\r\n') && more !== '' ? 'INSIDE TLS\r\n' : undefined,
};

/** A HandshakeResponse, as far as anybody looks at it. */
const mysqlResponse = Buffer.from(`\x20\0\0\x01\x05\xa6\x0b\0${'\0'.repeat(28)}`, 'latin1');

const dialogs = examples.filter(
  ({ protocol, implicit }) => implicit !== true && protocol !== 'http-connect',
);

interface Met {
  readonly heard?: string;
  readonly error?: string;
}

const parts = new AsyncDisposableStack();
const servers = new Map<string, StartTlsServer>();
let met: Readonly<Record<string, Met>> = {};
let log = '';

// One program meets all of them at once: a start of wrap takes longer than the whole.
before(async () => {
  if (skip) return;
  const stage = parts.use(await WrappedClients.start());
  const credential = stage.ca.credential(name);
  const places: Record<string, object> = {};
  const flags: string[] = [];
  for (const example of dialogs) {
    const { protocol } = example;
    for (const { is, clear } of variantsOf(example)) {
      const script = { clear, inside: insides[protocol] ?? inside };
      const server = parts.use(await StartTlsServer.start(credential, script, stage.address));
      servers.set(`${protocol} ${is}`, server);
      flags.push('--client-starttls', `${server.port}=${protocol}`);
      const says = protocol === 'mysql' ? mysqlResponse : Buffer.from('WHO ARE YOU\r\n');
      places[`${protocol} ${is}`] = { host: name, port: server.port, says: says.toString('hex') };
    }
  }
  const program = fileURLToPath(new URL('connecting/many-places.py', import.meta.url));
  const command = ['/usr/bin/python3', '-B', program];
  const { code, stdout, stderr } = await stage.run(flags, command, JSON.stringify(places));
  assert.equal(code, 0, stderr);
  met = JSON.parse(stdout);
  log = stderr;
});
after(() => parts.disposeAsync());

/** The line of the log about one of the servers. */
function complaintAbout(which: string): string {
  const place = new RegExp(`.* at [0-9.]+:${servers.get(which)?.port}: .*`);
  return place.exec(log)?.[0] ?? assert.fail(`nothing is said about ${which} in:\n${log}`);
}

for (const { protocol, without } of dialogs) {
  test(`${protocol}: a program that knows nothing of TLS gets it by STARTTLS`, { skip }, () => {
    const which = `${protocol} honest`;
    assert.match(met[which]?.heard ?? '', /INSIDE TLS/, JSON.stringify(met[which]) + log);
    assert.deepEqual(servers.get(which)?.askedFor, [name]);
    assert.doesNotMatch(servers.get(which)?.heard.join('') ?? '', /WHO/);
  });

  test(`${protocol}: ${JSON.stringify(injected)} behind the server's word ends the connection`, {
    skip,
  }, () => {
    const which = `${protocol} injecting`;
    assert.deepEqual(met[which], { error: 'ECONNREFUSED' });
    assert.deepEqual(servers.get(which)?.askedFor, []);
    assert.match(complaintAbout(which), /no connection to www\.example\.com/);
  });

  test(`${protocol}: a server that does not offer TLS, or from which that was taken, is refused`, {
    skip,
  }, () => {
    for (const n of without.keys()) {
      const which = `${protocol} stripping ${n}`;
      assert.deepEqual(met[which], { error: 'ECONNREFUSED' }, which);
      assert.doesNotMatch(servers.get(which)?.heard.join('') ?? '', /WHO/);
      assert.match(complaintAbout(which), /no connection to www\.example\.com/);
    }
  });
}
