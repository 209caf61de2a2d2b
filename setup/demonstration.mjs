// What the quickstart shows: a pool of its own in a temporary directory, an unmodified plain-HTTP server under it, a stock
// TLS client that verifies, and a stock client that knows no TLS either. Everything is gone afterwards.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { environment, node, root } from './place.mjs';
import { SetupError } from './step.mjs';

const page = 'This page came from a program that knows nothing of TLS.';

export async function demonstrate() {
  const directory = mkdtempSync(join(tmpdir(), 'tlspool-quickstart-'));
  const stage = new Stage(directory);
  const interrupted = () => stage.end().then(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    await play(stage, directory);
  } finally {
    await stage.end();
  }
}

async function play(stage, directory) {
  const port = await freePort();
  mkdirSync(join(directory, 'site'));
  writeFileSync(join(directory, 'site/index.html'), `${page}\n`);

  stage.headline('A pool: a token of its own, and in it the keys of a local CA');
  await stage.tlspool(['init']);
  stage.headline('An identity: its key is made in the token and never leaves it');
  await stage.tlspool(['identities', 'create', 'localhost']);
  stage.headline('The daemon');
  const daemon = stage.background(['serve']);
  await stage.until(daemon, ['ping']);
  stage.headline(
    'A plain-HTTP server, unmodified. It opens its port itself, and that port speaks TLS',
  );
  const way = await serve(stage, port);
  stage.headline('A client that verifies');
  await stage.tlspool(['ca', 'export', '--out', 'ca.pem']);
  const url = `https://localhost:${port}/`;
  requirePage(await stage.show('curl', ['-sS', '--cacert', 'ca.pem', url]));
  await stage.show('openssl', [
    ...['s_client', '-brief', '-connect', `localhost:${port}`],
    ...['-CAfile', 'ca.pem', '-verify_return_error'],
  ]);
  stage.headline(
    'A client that knows no TLS, unmodified. Its connection speaks TLS, and is verified',
  );
  requirePage(await fetchPlainly(stage, way, port));

  stage.tell(`
What happened: server and second client spoke plain HTTP and were not told of anything. The pool did TLS for both,
with a key that lives only in a PKCS #11 token, and checked the certificate. All that was made is removed again.

Try next (in this checkout; after \`npm link\` the program is just \`tlspool\`):
  npx tlspool init                              your own pool, kept
  npx tlspool identities create localhost
  npx tlspool serve &
  npx tlspool wrap -- python3 -m http.server 8443 &
  npx tlspool wrap --client-tls localhost:8443 -- curl http://localhost:8443/
  npx tlspool sessions list                     who is connected
  npx tlspool --help                            and docs/, which goes on from here
`);
}

/** How programs come to TLS: `wrap`, or what is left where the system lets nobody supervise a program. */
async function serve(stage, port) {
  const busybox = ['busybox', 'httpd', '-h', 'site'];
  const wrapped = stage.background(['wrap', '--', ...busybox, '-f', '-p', `${port}`]);
  try {
    await listening(wrapped, port);
    return 'wrap';
  } catch (error) {
    if (!/no private network|cannot be supervised/.test(wrapped.said)) throw error;
  }
  stage.tell(`\n   This system does not let wrap supervise a program:\n     ${wrapped.said.trim()}
   What remains: sockets that are opened for the program, and tunnels.`);
  const listen = ['--listen', `localhost:${port}`, '--inetd'];
  const inetd = stage.background(['wrap', ...listen, '--', ...busybox, '-i']);
  await listening(inetd, port);
  return 'tunnel';
}

async function fetchPlainly(stage, way, port) {
  const fetching = (where) => ['busybox', 'wget', '-q', '-O', '-', `http://localhost:${where}/`];
  if (way === 'wrap') {
    return stage.tlspool(['wrap', '--client-tls', `localhost:${port}`, '--', ...fetching(port)]);
  }
  const inner = await freePort();
  const ends = ['--accept', `localhost:${inner}`, '--connect', `localhost:${port}`];
  await listening(stage.background(['tunnel', '--client', ...ends]), inner);
  const [file, ...args] = fetching(inner);
  return stage.show(file, args);
}

function requirePage(fetched) {
  if (fetched.includes(page)) return;
  throw new SetupError('the page that came is not the page that was served');
}

/** The processes and the output of one demonstration. */
class Stage {
  #directory;
  #environment;
  #background = [];
  #step = 0;

  constructor(directory) {
    this.#directory = directory;
    const at = (name) => join(directory, name);
    writeFileSync(
      at('tlspool.conf'),
      `socket_name ${at('pool.sock')}\ndaemon_pidfile ${at('pool.pid')}\n`,
    );
    this.#environment = {
      ...environment(),
      TLSPOOL_CONFIG_FILE: at('tlspool.conf'),
      TLSPOOL_SOCKET: at('pool.sock'),
      TLSPOOL_STATE_DIR: at('state'),
      no_proxy: 'localhost',
    };
  }

  headline(text) {
    this.#step += 1;
    this.tell(`\n${this.#step}. ${text}`);
  }

  tell(text) {
    process.stdout.write(`${text}\n`);
  }

  /** Runs tlspool to its end, shown as a user would type it. */
  tlspool(args) {
    this.#prompt('tlspool', args);
    return this.#finish(node, [join(root, 'bin/run.js'), ...args]);
  }

  /** Runs another program to its end. @returns its stdout */
  show(file, args) {
    this.#prompt(file, args);
    return this.#finish(file, args);
  }

  /** Starts tlspool and leaves it running until the end. */
  background(args) {
    this.#prompt('tlspool', args, '&');
    const child = this.#start(
      node,
      [join(root, 'bin/run.js'), ...args],
      ['ignore', 'ignore', 'pipe'],
    );
    child.shown = `tlspool ${args[0]}`;
    child.said = '';
    child.stderr.on('data', (data) => {
      child.said += data;
    });
    this.#background.unshift(child);
    return child;
  }

  /** Waits until a command succeeds. @throws SetupError when the process it waits for is gone, or after 60 s */
  async until(process, args) {
    await patiently(process, async () => {
      const probe = this.#start(node, [join(root, 'bin/run.js'), ...args], 'ignore');
      const [code] = await once(probe, 'exit');
      return code === 0;
    });
  }

  /** Ends what runs, last started first, and removes everything. */
  async end() {
    for (const child of this.#background.splice(0)) await terminate(child);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #prompt(file, args, after = '') {
    const words = [file, ...args].map((word) =>
      /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`,
    );
    this.tell(`   $ ${[...words, after].join(' ').trimEnd()}`);
  }

  async #finish(file, args) {
    const child = this.#start(file, args, ['ignore', 'pipe', 'pipe']);
    let [out, said] = ['', ''];
    child.stdout.on('data', (data) => {
      out += data;
    });
    child.stderr.on('data', (data) => {
      said += data;
    });
    const [code, signal] = await once(child, 'close');
    this.#indented(`${out}${said}`);
    if (code !== 0)
      throw new SetupError(`${file} ended with ${signal ?? `exit code ${code}`}: ${said}`);
    return out;
  }

  #indented(text) {
    if (text.trim() === '') return;
    for (const line of text.trimEnd().split('\n')) this.tell(`     ${line}`);
  }

  #start(file, args, stdio) {
    return spawn(file, args, { cwd: this.#directory, env: this.#environment, stdio });
  }
}

/** Waits until somebody accepts connections there. */
async function listening(process, port) {
  await patiently(process, async () => {
    const probe = connect(port, '127.0.0.1');
    try {
      await once(probe, 'connect');
      return true;
    } catch {
      return false;
    } finally {
      probe.destroy();
    }
  });
}

async function patiently(process, ready) {
  for (const deadline = Date.now() + 60_000; ; await after(50)) {
    if (await ready()) return;
    if (process.exitCode !== null) throw new SetupError(`${process.shown} ended: ${process.said}`);
    if (Date.now() > deadline)
      throw new SetupError(`${process.shown} is not ready: ${process.said}`);
  }
}

async function terminate(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const patience = new AbortController();
  const forced = after(10_000, undefined, { signal: patience.signal }).then(
    () => child.kill('SIGKILL'),
    () => undefined,
  );
  await gone;
  patience.abort();
  await forced;
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
