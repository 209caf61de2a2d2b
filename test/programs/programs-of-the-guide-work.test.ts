import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { event } from '../patience.ts';
import { readAll } from './stage/clients.ts';
import { Pool } from './stage/pool.ts';
import { Running, run } from './stage/running.ts';
import { tunnelled, wrapped } from './stage/wrapped.ts';

const root = join(import.meta.dirname, '../..');
const guide = readFileSync(join(root, 'docs/programs.md'), 'utf8');
const [nodeClient = '', nodeServer = ''] = programsIn('js');
const [pythonClient = ''] = programsIn('python');

/** Names of this machine instead of those of the example. */
let pool: Pool;

before(async () => {
  pool = await Pool.serving([['localhost'], ['john@example.com']]);
});

after(async () => {
  await pool[Symbol.asyncDispose]();
});

test('the clients in Node and in Python fetch what a server says', async () => {
  const says = ['sh', '-c', 'read request; printf "for you: %s" "$request"'];
  const { running, port } = await wrapped(pool, ['--local-id', 'localhost', '--inetd'], says);
  await using _server = running;
  const clients: [string, string[]][] = [
    [process.execPath, ['--input-type=module', '--eval', here(nodeClient, '443', port)]],
    ['python3', ['-c', here(pythonClient, '443', port)]],
  ];
  for (const [file, args] of clients) {
    const { code, stdout, stderr } = await run(file, args, { cwd: root, env: pool.environment });
    assert.deepEqual({ code, stdout }, { code: 0, stdout: 'for you: GET / HTTP/1.0\r' }, stderr);
  }
});

test('the server in Node greets its client by name', async () => {
  const imports = "import net from 'node:net'; import { starttls } from 'tlspool';";
  const ready = 'server.on("listening", () => console.error("port", server.address().port));';
  const program = `${imports}${here(nodeServer, '8443', 0)}${ready}`;
  await using server = new Running(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: root,
    env: pool.environment,
  });
  const [, serverPort] = await server.saying(/port (\d+)/);
  const asJohn = ['--client', '--local-id', 'john@example.com'];
  const { running, port } = await tunnelled(
    pool,
    ...asJohn,
    '--connect',
    `localhost:${serverPort}`,
  );
  await using _tunnel = running;
  const socket = connect(port, '127.0.0.1');
  await event(socket, 'connect');
  assert.equal(await readAll(socket), 'Hello john@example.com\n');
});

function programsIn(language: string): string[] {
  const blocks = guide.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'));
  return [...blocks].map(([, text = '']) => text);
}

/** A program of the guide with names and ports of this machine. */
function here(program: string, from: string, port: number): string {
  return program
    .replaceAll('www.example.com', 'localhost')
    .replaceAll(new RegExp(`\\b${from}\\b`, 'g'), String(port));
}
