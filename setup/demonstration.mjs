// What the quickstart shows: a pool of its own in a temporary directory, an unmodified plain-HTTP server
// under it, and a stock TLS client that verifies. Everything is gone afterwards.

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
  stage.headline('A plain-HTTP server, unmodified, with its public port in the care of the pool');
  const listen = `localhost:${port}`;
  const server = ['busybox', 'httpd', '-i', '-h', 'site'];
  const wrapped = stage.background([
    'wrap',
    '--local-id',
    'localhost',
    '--listen',
    listen,
    '--inetd',
    '--',
    ...server,
  ]);
  stage.headline('A client that verifies');
  await stage.tlspool(['ca', 'export', '--out', 'ca.pem']);
  await listening(wrapped, port);
  const fetched = await stage.show('curl', [
    '-sS',
    '--cacert',
    'ca.pem',
    `https://localhost:${port}/`,
  ]);
  if (!fetched.includes(page))
    throw new SetupError('the page that came is not the page that was served');
  const look = [
    's_client',
    '-brief',
    '-connect',
    `localhost:${port}`,
    '-CAfile',
    'ca.pem',
    '-verify_return_error',
  ];
  await stage.show('openssl', look);

  stage.tell(`
That was TLS from the pool: the server wrote plain HTTP, the client verified a certificate whose key
lives only in a PKCS #11 token. The pool and all it made are removed again.

Try next (in this checkout; after \`npm link\` the program is just \`tlspool\`):
  npx tlspool init                              your own pool, kept
  npx tlspool identities create localhost
  npx tlspool serve &
  npx tlspool wrap --local-id localhost --listen 127.0.0.1:8443 --inetd -- busybox httpd -i -h docs
  npx tlspool --help                            and docs/, which goes on from here
`);
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

  /** Waits until a command succeeds. @throws SetupError when the process it waits for is gone, or after 20 s */
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
  for (const deadline = Date.now() + 20_000; ; await after(50)) {
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
