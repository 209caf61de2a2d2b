import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const guides = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)];
const { commands } = JSON.parse(readFileSync(join(root, 'oclif.manifest.json'), 'utf8')) as {
  commands: Record<
    string,
    { flags: Record<string, { char?: string; options?: readonly string[] }> }
  >;
};

interface Shown {
  readonly line: number;
  readonly words: readonly string[];
}

/** The commands of ours in the blocks of shell of a guide, up to what they run themselves. */
function commandsIn(text: string): Shown[] {
  return [...text.matchAll(/^```sh.*\n([\s\S]*?)^```$/gm)].flatMap(({ 1: block = '', index }) => {
    const first = text.slice(0, index).split('\n').length + 1;
    const whole = block.replaceAll(/\\\n/g, ' ');
    return [...whole.matchAll(/(?:^|[|;&(]\s*|\$\()\s*(?:sudo )?tlspool ([^\n]*)/gm)].map(
      ({ 1: rest = '', index: at }) => {
        const line = first + whole.slice(0, at).split('\n').length - 1;
        return { line, words: wordsOf(rest) };
      },
    );
  });
}

/** As a shell splits them, roughly: up to a comment, another command or what is run under ours. */
function wordsOf(text: string): string[] {
  const words = [...text.matchAll(/'[^']*'|"[^"]*"|[^\s'"]+/g)].map(([word]) => word);
  const end = words.findIndex((word) => /^(#|\||;|&|>|2>|<|--$|\))/.test(word));
  return end === -1 ? words : words.slice(0, end);
}

for (const guide of guides) {
  test(`${guide}: every command is there, with its flags`, () => {
    for (const { line, words } of commandsIn(readFileSync(join(root, guide), 'utf8'))) {
      const said = `${guide}:${line}: tlspool ${words.join(' ')}`;
      if (words[0]?.startsWith('-')) continue;
      const length = [3, 2, 1].find((count) => commands[words.slice(0, count).join(':')]);
      assert.ok(length, said);
      const { flags = {} } = commands[words.slice(0, length).join(':')] ?? {};
      const known = Object.entries(flags).flatMap(([name, { char }]) => [`--${name}`, `-${char}`]);
      for (const [at, word] of words.entries()) {
        const [, flag, given] = /^(--?[a-z][a-z0-9-]*)(?:=(.*))?$/.exec(word) ?? [];
        if (flag === undefined || flag === '--help') continue;
        assert.ok(known.includes(flag), `${said}: ${flag}`);
        const { options } = flags[flag.slice(2)] ?? {};
        const value = given ?? words[at + 1] ?? '';
        if (options !== undefined) assert.ok(options.includes(value), `${said}: ${value}`);
      }
    }
  });
}

test('commands are found where there are some', () => {
  const text =
    '```sh\nsudo tlspool init\na | tlspool ca list --json   # all\ntlspool wrap -- tlspool x\n```\n';
  assert.deepEqual(
    commandsIn(text).map(({ line, words }) => `${line} ${words.join(' ')}`),
    ['2 init', '3 ca list --json', '4 wrap'],
  );
});
