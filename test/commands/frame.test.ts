import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { entry, root } from '../built.ts';
import { outcomeOf, tlspool } from './run-tlspool.ts';

const manifest = JSON.parse(readFileSync(join(root, 'oclif.manifest.json'), 'utf8')) as {
  commands: Record<string, { summary: string; examples?: Example[] }>;
};
const commands = Object.keys(manifest.commands).map((id) => id.split(':'));

test('without a command the commands are shown', async () => {
  const { code, stdout } = await tlspool([]);
  assert.equal(code, 0);
  for (const [word] of commands) assert.match(stdout, new RegExp(`^  ${word}\\b`, 'm'));
});

test('--version and -V name the program and its Node', async () => {
  for (const flag of ['--version', '-V']) {
    const { code, stdout } = await tlspool([flag]);
    assert.equal(code, 0);
    assert.match(stdout, /^tlspool\/\d+\.\d+\.\d+ linux-\w+ node-v\d+\.\d+\.\d+\n$/);
  }
});

test('from its sources it is the same program', async () => {
  const sources = join(root, 'bin/dev.js');
  for (const args of [
    ['wrap', '--help'],
    ['identities', 'list', '--json'],
  ]) {
    assert.deepEqual(
      await outcomeOf(process.execPath, [sources, ...args]),
      await outcomeOf(process.execPath, [entry, ...args]),
    );
  }
});

for (const words of commands) {
  const name = words.join(' ');

  test(`${name}: --help says how to use it, and runs nothing`, async () => {
    const { code, stdout, stderr } = await tlspool([...words, '--help']);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(stdout, new RegExp(`USAGE\n  \\$ tlspool ${name}\\b`));
    assert.match(stdout, /--socket=PATH/);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  });

  test(`${name}: a mistyped flag is named with the nearest one, exit code 2 (125 for wrap)`, async () => {
    const { code, stdout, stderr } = await tlspool([...words, '--sockte', 'x']);
    assert.equal(code, name === 'wrap' ? 125 : 2);
    assert.equal(stdout, '');
    assert.match(stderr, /^Error: unknown flag --sockte\nDid you mean --socket\? See `tlspool /);
  });
}

test('-h and help say the same as --help', async () => {
  const [long, ...others] = await Promise.all([
    tlspool(['ca', 'export', '--help']),
    tlspool(['ca', 'export', '-h']),
    tlspool(['help', 'ca', 'export']),
  ]);
  for (const { code, stdout } of others)
    assert.deepEqual({ code, stdout }, { code: 0, stdout: long.stdout });
});

test('a topic shows its commands: alone, or with --help where it is a command itself', async () => {
  const topics = new Set(
    commands.filter((words) => words.length > 1).map((words) => words.slice(0, -1).join(' ')),
  );
  for (const topic of topics) {
    const isCommand = commands.some((words) => words.join(' ') === topic);
    const asked = topic.split(' ');
    const { code, stdout } = await tlspool(isCommand ? [...asked, '--help'] : asked);
    assert.equal(code, 0);
    for (const words of commands) {
      if (words.length > 1 && words.slice(0, -1).join(' ') === topic)
        assert.match(stdout, new RegExp(`^  ${words.join(' ')}\\b`, 'm'));
    }
  }
});

test('each topic says what it is about, not what its first command does', async () => {
  const { oclif } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    oclif: { topics: Record<string, { description: string }> };
  };
  const topics = new Set(
    commands.flatMap((words) =>
      words.slice(0, -1).map((_, at) => words.slice(0, at + 1).join(':')),
    ),
  );
  assert.deepEqual(Object.keys(oclif.topics).sort(), [...topics].sort());
  for (const [topic, { description }] of Object.entries(oclif.topics)) {
    // A topic that is a command, too, shows itself as that one.
    if (commands.some((words) => words.join(':') === topic)) continue;
    const { code, stdout } = await tlspool([...topic.split(':'), '--help']);
    assert.equal(code, 0);
    assert.equal(stdout.split('\n', 1)[0], description);
  }
});

test('the first page shows how to begin, with commands that there are', async () => {
  const { stdout } = await tlspool(['--help']);
  const examples = [...stdout.matchAll(/^ {2}\$ tlspool (.*?) +#/gm)].map(([, words = '']) =>
    words.split(' '),
  );
  assert.ok(examples.length > 3, stdout);
  for (const words of examples) {
    assert.ok(
      commands.some((command) => command.every((word, at) => word === words[at])),
      words.join(' '),
    );
  }
});

test('an unknown command is named with the nearest one, nothing is run, exit code 2', async () => {
  const { code, stdout, stderr } = await tlspool(['wrpa', '--', 'touch', '/tmp/never']);
  assert.deepEqual(
    { code, stdout, stderr },
    {
      code: 2,
      stdout: '',
      stderr:
        'Error: there is no command `tlspool wrpa`\nDid you mean `tlspool wrap`? See `tlspool --help`.\n',
    },
  );
});

test('an unknown command is unknown with --help too', async () => {
  const { code } = await tlspool(['frobnicate', '--help']);
  assert.equal(code, 2);
});

test('a flag that is given an empty value is used wrongly: it is a variable that is not set', async () => {
  for (const args of [
    ['init', '--state-dir', ''],
    ['ping', '--socket='],
    ['tunnel', '--accept', '127.0.0.1:0', '--connect', '127.0.0.1:9', '--local-id', ''],
  ]) {
    const { code, stderr } = await tlspool(args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^Error: --(state-dir|socket|local-id) was given an empty value\n/);
  }
});

test('under --json a usage error is one object on stdout and nothing on stderr', async () => {
  for (const args of [
    ['frobnicate', '--json'],
    ['tunnel', '--acept', 'x', '--json'],
  ]) {
    const { code, stdout, stderr } = await tlspool(args);
    assert.equal(code, 2);
    assert.equal(stderr, '');
    const { error, ...rest } = JSON.parse(stdout) as { error: Record<string, unknown> };
    assert.deepEqual(rest, {});
    assert.deepEqual(Object.keys(error), ['code', 'message', 'hint']);
    assert.equal(error.code, 'usage');
  }
});

test('output has no colours where it does not go to a terminal, and NO_COLOR is honoured', async () => {
  const escapeCode = String.fromCharCode(27);
  for (const environment of [{}, { NO_COLOR: '1', FORCE_COLOR: undefined }]) {
    const outcomes = await Promise.all([
      tlspool(['--help'], environment),
      tlspool(['frobnicate'], environment),
    ]);
    for (const { stdout, stderr } of outcomes)
      assert.ok(!`${stdout}${stderr}`.includes(escapeCode));
  }
});

test('the examples of each help can be pasted into a shell', async () => {
  // Words are printed, nothing is run.
  const wordsOf = async (line: string) => {
    const script = `printf '%s\\n' ${line.replace(/ [|>].*$/s, '')}`;
    return (await outcomeOf('/bin/bash', ['-c', script], { PATH: '/nonexistent' })).stdout;
  };
  for (const words of commands) {
    const { stdout } = await tlspool([...words, '--help'], { OCLIF_COLUMNS: '40' });
    const shown = stdout.slice(stdout.indexOf('\nEXAMPLES\n'));
    const lines = [...shown.matchAll(/^ +\$ ((?:.*\\\n)*.*)/gm)].map(([, line = '']) => line);
    const meant = manifest.commands[words.join(':')]?.examples?.map(commandOf) ?? [];
    assert.equal(lines.length, meant.length, stdout);
    for (const [index, line] of lines.entries())
      assert.equal(await wordsOf(line), await wordsOf(filled(meant[index] ?? '', words)), line);
  }
});

type Example = string | { readonly command: string };

function commandOf(example: Example): string {
  return typeof example === 'string' ? example : example.command;
}

function filled(example: string, words: readonly string[]): string {
  return example
    .replaceAll(/<%= *config.bin *%>/g, 'tlspool')
    .replaceAll(/<%= *command.id *%>/g, words.join(' '));
}

test('a result that cannot be written is a failure in one sentence', async () => {
  const { code, stderr } = await outcomeOf('bash', [
    '-c',
    '"$0" "$1" --help > /dev/full',
    process.execPath,
    entry,
  ]);
  assert.equal(code, 1);
  assert.match(stderr, /^Error: cannot write to stdout: no space left on device\n.*\n$/);
});

test('a configuration that is named has to be there, whatever else is given', async () => {
  for (const args of [['serve'], ['ping'], ['identities', 'list']]) {
    const { code, stderr } = await tlspool([...args, '--config', '/nonexistent/tlspool.conf']);
    assert.equal(code, 2);
    assert.equal(stderr, 'Error: there is no configuration file /nonexistent/tlspool.conf\n');
  }
});

test('no code is taken from the home of whoever runs it', async () => {
  const data = mkdtempSync(join(tmpdir(), 'tlspool-data-'));
  try {
    mkdirSync(join(data, 'tlspool'));
    writeFileSync(join(data, 'tlspool/package.json'), 'no JSON: whoever reads it says so');
    const { code, stderr } = await tlspool(['--help'], { XDG_DATA_HOME: data });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  } finally {
    rmSync(data, { recursive: true });
  }
});
