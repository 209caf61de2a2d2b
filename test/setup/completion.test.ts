import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { documentCommands } from '../../setup/documents/command-document.ts';
import { bashCompletion } from '../../setup/documents/completion/bash.ts';
import { fishCompletion } from '../../setup/documents/completion/fish.ts';
import { zshCompletion } from '../../setup/documents/completion/zsh.ts';
import type { DocumentedFlag, Manifest } from '../../setup/documents/manifest.ts';

/** Real shells, and commands of every shape that a completion has to deal with. */
const place = mkdtempSync(join(tmpdir(), 'tlspool-completion-'));
after(() => rmSync(place, { recursive: true }));

const switches = (...names: string[]) =>
  names.map((name): DocumentedFlag => ({ name, type: 'boolean', description: `it's ${name}` }));
const flags = (...list: DocumentedFlag[]) =>
  Object.fromEntries(list.map((flag) => [flag.name, flag]));
const command = (id: string, summary: string, rest: object = {}) => ({
  id,
  summary,
  args: {},
  flags: {},
  relativePath: [],
  ...rest,
});
const commands = documentCommands({
  version: '0.0.0',
  commands: {
    'ca:export': command('ca:export', 'Print "certificates"', {
      args: { kind: { name: 'kind', options: ['ec', 'rsa'], required: true } },
    }),
    'ca:renew': command('ca:renew', 'Renew: all of them'),
    wrap: command('wrap', "Run a program; it's unmodified", {
      usage: 'wrap [FLAGS] -- CMD [ARGS]',
      flags: flags(
        ...switches('inetd'),
        { name: 'mode', type: 'option', description: 'how [or: so]', options: ['inner', 'outer'] },
        { name: 'file', char: 'f', type: 'option', helpValue: 'FILE' },
        { name: 'id', type: 'option', multiple: true, helpValue: 'ID' },
      ),
    }),
  },
} satisfies Manifest);

writeFileSync(join(place, 'tlspool.bash'), bashCompletion(commands));
writeFileSync(join(place, 'tlspool.fish'), fishCompletion(commands));
writeFileSync(join(place, '_tlspool'), zshCompletion(commands));
mkdirSync(join(place, 'here'));
writeFileSync(join(place, 'here/only-file'), '');

function offered(file: string, args: readonly string[]): readonly string[] {
  const environment = { ...process.env, HOME: place, XDG_CONFIG_HOME: place, TERM: 'dumb' };
  const { stdout, stderr, error } = spawnSync(file, args, {
    cwd: join(place, 'here'),
    env: environment,
    encoding: 'utf8',
  });
  assert.ifError(error);
  assert.equal(stderr, '');
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

const bash = (line: string) => {
  const words = line.split(/(=)|\s/).filter((word) => word !== undefined);
  const script = join(import.meta.dirname, 'complete.bash');
  return offered('bash', ['--norc', script, join(place, 'tlspool.bash'), ...words]);
};
const fish = (line: string) =>
  offered('fish', [
    '--no-config',
    '-c',
    'source $argv[1]; complete -C $argv[2]',
    join(place, 'tlspool.fish'),
    line,
  ]).map((offer) => offer.split('\t')[0] ?? '');
const zsh = (line: string) =>
  offered('zsh', ['-f', join(import.meta.dirname, 'complete.zsh'), line, place]);

for (const [name, complete] of Object.entries({ bash, fish, zsh })) {
  test(`${name} offers commands and topics, and the commands of a topic`, () => {
    assert.deepEqual(complete('tlspool '), ['ca', 'wrap']);
    assert.deepEqual(complete('tlspool ca '), ['export', 'renew']);
    assert.deepEqual(complete('tlspool ca ex'), ['export']);
  });

  test(`${name} offers the flags of the command that is there`, () => {
    assert.deepEqual(complete('tlspool wrap --'), [
      '--file',
      '--help',
      '--id',
      '--inetd',
      '--mode',
    ]);
    assert.deepEqual(complete('tlspool ca renew --'), ['--help']);
  });

  test(`${name} offers the values of a flag and of an argument where they are known`, () => {
    assert.deepEqual(complete('tlspool wrap --mode '), ['inner', 'outer']);
    assert.deepEqual(complete('tlspool ca export '), ['ec', 'rsa']);
  });

  test(`${name} offers files where a file is expected, and nothing where only the user knows`, () => {
    assert.deepEqual(complete('tlspool wrap --file on'), ['only-file']);
    assert.deepEqual(complete('tlspool wrap --id on'), []);
  });

  test(`${name} offers programs behind --, whatever flags were given before`, () => {
    const offers = complete('tlspool wrap --inetd --mode inner -- bashbu');
    assert.deepEqual([...new Set(offers)], ['bashbug']);
  });
}
