import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until } from '../patience.ts';
import { connected, name } from './stage/clients.ts';
import { ListeningPrograms, say } from './stage/listening-programs.ts';
import { Pool } from './stage/pool.ts';
import { freePort, listening } from './stage/ports.ts';
import { Running, run } from './stage/running.ts';
import { stolenNothing, VsftpdFiles } from './stage/vsftpd.ts';
import { type Served, wrappedWhole } from './stage/wrapped.ts';
import { WrappedClients } from './stage/wrapped-client.ts';

const skip = process.getuid?.() !== 0;

const parts = new AsyncDisposableStack();
let files: VsftpdFiles;
let pool: Pool;
before(async () => {
  files = parts.use(new VsftpdFiles());
  if (!skip) pool = parts.use(await Pool.serving([[name]]));
});
after(() => parts.disposeAsync());

const modes = {
  passive: [],
  'passive without EPSV': ['--disable-epsv'],
} as const;
const activeModes = {
  active: ['--ftp-port', '-'],
  'active without EPRT': ['--ftp-port', '-', '--disable-eprt'],
} as const;

/** Fetches the file, and stores it. */
interface Transfers {
  readonly code: number;
  readonly fetched: number;
  readonly stored: number;
  readonly stderr: string;
}

let transfers = 0;
async function transfer(
  curl: (...args: readonly string[]) => Promise<{ code: number; stdout: string; stderr: string }>,
  url: string,
): Promise<Transfers> {
  const fetched = await curl(`${url}/file`);
  const stored = `stored-${transfers++}`;
  const sent = await curl('-T', files.file, `${url}/in/${stored}`);
  return {
    code: fetched.code || sent.code,
    fetched: fetched.stdout.length,
    stored: sent.code === 0 ? files.stored(stored) : 0,
    stderr: fetched.stderr + sent.stderr,
  };
}

const all = { code: 0, fetched: VsftpdFiles.size, stored: VsftpdFiles.size };

async function served(flag: (port: number) => readonly string[]): Promise<Served> {
  const port = await freePort();
  const command = files.command('127.0.0.1', port, 'pasv_min_port=0');
  return wrappedWhole(pool, flag(port), command);
}

test('vsftpd, wrapped as it is, serves FTPS', { skip }, async (t) => {
  await using server = await served((port) => ['--starttls', `${port}=ftp`]);
  const there = (port: number) => [
    '--cacert',
    pool.caFile,
    '--resolve',
    `${name}:${port}:127.0.0.1`,
  ];
  const curl = (...args: readonly string[]) =>
    run('curl', ['-sS', '--max-time', '100', ...there(server.port), ...args]);
  for (const [mode, flags] of Object.entries(modes)) {
    await t.test(`curl fetches and stores, ${mode}`, async () => {
      const url = `ftp://${name}:${server.port}`;
      const { stderr, ...done } = await transfer(
        (...args) => curl('--ssl-reqd', ...flags, ...args),
        url,
      );
      assert.deepEqual(done, all, stderr + server.running.stderr);
    });
  }

  // Not with curl, which before 8.0 forgets TLS on data connections in active mode.
  await t.test('Python fetches and stores, active', async () => {
    const script = fileURLToPath(new URL('python/active_ftps.py', import.meta.url));
    const { stdout, stderr } = await run('python3', [script, `${server.port}`, name, pool.caFile]);
    assert.equal(stdout, '3000000 3000000\n', stderr + server.running.stderr);
  });

  await t.test('nothing is sent in the clear, nor to whoever resumed no session', async () => {
    const url = `ftp://${name}:${server.port}/file`;
    const plain = await run('curl', [
      '-sS',
      '--max-time',
      '60',
      `ftp://127.0.0.1:${server.port}/file`,
    ]);
    assert.equal(plain.code, 67, plain.stderr);
    const unprotected = await curl('--ftp-ssl-control', url);
    assert.notEqual(unprotected.code, 0);
    assert.equal(unprotected.stdout, '');
    const strange = await curl('--ssl-reqd', '--no-sessionid', url);
    assert.notEqual(strange.code, 0);
    assert.equal(strange.stdout, '');
    await server.running.saying(/no data connection with 127\.0\.0\.1: .* neither resumed/);
  });

  await t.test('data connections come from where the control connection does', async () => {
    const script = fileURLToPath(new URL('python/strange_data_peer.py', import.meta.url));
    const { stdout, stderr } = await run('python3', [script, `${server.port}`, name, pool.caFile]);
    assert.equal(stdout, "b''\n", stderr);
    await server.running.saying(/no data connection with 127\.0\.0\.2: it does not come from/);
  });

  for (const version of ['TLSv1_2', 'TLSv1_3']) {
    await t.test(`a client gets no data of another one at its address, ${version}`, async () => {
      const script = fileURLToPath(new URL('python/data_thief.py', import.meta.url));
      const words = [script, `${server.port}`, name, pool.caFile, version];
      const { stdout, stderr } = await run('python3', words);
      assert.equal(stdout, stolenNothing, stderr + server.running.stderr);
    });
  }

  await t.test('of data connections no line is left in the log', () => {
    assert.equal(server.running.stderr.match(/STARTTLS ftp/g)?.length, 1);
    assert.doesNotMatch(server.running.stderr, /: TLS/);
  });
});

test('a listener that is opened during FTP and not named by it has TLS as ever', async () => {
  await using programs = await ListeningPrograms.create();
  const port = await freePort();
  const command = [...programs.command('beside-ftp.py'), `${port}`];
  await using server = await wrappedWhole(programs.pool, ['--starttls', `${port}=ftp`], command);
  const control = connect({ host: '127.0.0.1', port });
  try {
    await once(control, 'data', { signal: AbortSignal.timeout(60_000) });
    const [, other] = await server.running.saying(/127\.0\.0\.1:(\d+): TLS/);
    assert.equal(await say(programs, Number(other)), 'ok');
  } finally {
    control.destroy();
  }
  assert.equal(await server.running.ended, 0, server.running.stderr);
});

test('of two listeners that are opened for one PASV, the one that the answer does not name has TLS as ever', async () => {
  await using programs = await ListeningPrograms.create();
  const port = await freePort();
  const command = [...programs.command('ftp-and-more.py'), `${port}`];
  await using server = await wrappedWhole(programs.pool, ['--tls', `${port}=ftps`], command);
  const control = await connected(programs.pool, port);
  try {
    control.setEncoding('latin1').write('PASV\r\n');
    let said = '';
    control.on('data', (text: string) => {
      said += text;
    });
    await until('the answer', () => said.includes('\r\n227 '));
    const [, other] = await server.running.saying(/127\.0\.0\.1:(\d+): TLS, serving/);
    assert.equal(await say(programs, Number(other)), 'ok');
  } finally {
    control.end();
  }
  assert.equal(await server.running.ended, 0, server.running.stderr);
});

test('vsftpd, wrapped as it is, serves FTPS of the implicit kind', { skip }, async () => {
  await using server = await served((port) => ['--tls', `${port}=ftps`]);
  const there = ['--cacert', pool.caFile, '--resolve', `${name}:${server.port}:127.0.0.1`];
  const curl = (...args: readonly string[]) =>
    run('curl', ['-sS', '--max-time', '100', ...there, ...args]);
  const { stderr, ...done } = await transfer(curl, `ftps://${name}:${server.port}`);
  assert.deepEqual(done, all, stderr + server.running.stderr);
});

test('a plain client of FTP, wrapped, uses a server of FTPS', { skip }, async (t) => {
  await using stage = await WrappedClients.start();
  const { key, cert } = stage.ca.issue(name);
  const served = (at: number, ...more: readonly string[]) => {
    const [command = '', ...args] = files.command(
      stage.address,
      at,
      `ssl_enable=YES\nallow_anon_ssl=YES\nforce_anon_data_ssl=YES\nforce_anon_logins_ssl=YES`,
      `rsa_cert_file=${cert}\nrsa_private_key_file=${key}\nssl_ciphers=HIGH`,
      ...more,
    );
    return new Running(command, args);
  };
  const port = await freePort();
  await using server = served(port);
  await listening(port, server, stage.address);
  const wrapped = (...args: readonly string[]) =>
    stage.run(['--client-starttls', `${port}=ftp`], [...args]);
  for (const [mode, flags] of Object.entries({ ...modes, ...activeModes })) {
    await t.test(`curl fetches and stores, ${mode}`, async () => {
      const curl = (...rest: readonly string[]) =>
        wrapped('curl', '-sS', '--max-time', '100', ...flags, ...rest);
      const { stderr, ...done } = await transfer(curl, `ftp://${name}:${port}`);
      assert.deepEqual(done, all, stderr);
    });
  }

  await t.test('wget fetches', async () => {
    const url = `ftp://${name}:${port}/file`;
    const { stdout, stderr } = await wrapped('wget', '-q', '-t', '1', '-T', '100', '-O', '-', url);
    assert.equal(stdout.length, VsftpdFiles.size, stderr);
  });

  await t.test('curl fetches and stores where TLS begins with the first byte', async () => {
    const implicit = await freePort();
    await using other = served(implicit, 'implicit_ssl=YES');
    await listening(implicit, other, stage.address);
    const curl = (...rest: readonly string[]) =>
      stage.run(
        ['--client-starttls', `${implicit}=ftps`],
        ['curl', '-sS', '--max-time', '100', ...rest],
      );
    const { stderr, ...done } = await transfer(curl, `ftp://${name}:${implicit}`);
    assert.deepEqual(done, all, stderr);
  });

  await t.test('a server of another name is refused', async () => {
    const url = `ftp://${WrappedClients.wrongName}:${port}/file`;
    const { code, stdout, stderr } = await wrapped('curl', '-sS', '--max-time', '100', url);
    assert.equal(code, 7, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /the certificate is for www\.example\.com, not for wrong\.example\.com/);
  });
});
