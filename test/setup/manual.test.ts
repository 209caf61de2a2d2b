import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { literalLine, prose } from '../../setup/documents/mdoc.ts';
import { keys } from '../../src/core/config/keys.ts';

const man = join(import.meta.dirname, '../../man');
const pages = readdirSync(man).filter((name) => /\.\d$/.test(name));

/** Of no meaning here: pages are looked for where this machine has its own, and `.Os` is ours to say. */
const beside = /referenced manual not found|operating system explicitly specified/;

test('mandoc finds nothing to say about any page', () => {
  const { stdout, stderr, error } = spawnSync('mandoc', ['-Tlint', '-Wall', ...pages], {
    cwd: man,
    encoding: 'utf8',
  });
  assert.ifError(error);
  const remarks = `${stdout}${stderr}`
    .split('\n')
    .filter((line) => line !== '' && !beside.test(line));
  assert.deepEqual(remarks, []);
});

test('mandoc would find a fault', () => {
  const { stdout, stderr } = spawnSync('mandoc', ['-Tlint', '-Wall'], {
    encoding: 'utf8',
    input: '.Dd January 1, 2026\n.Dt X 1\n.Os\n.Sh NAME\n.Nm x\n.Nd x\n.Xx\n',
  });
  assert.match(`${stdout}${stderr}`, /unknown macro/);
});

test('every page that is referred to is there', () => {
  const referred = pages.flatMap((page) =>
    [...readFileSync(join(man, page), 'utf8').matchAll(/Xr (tlspool\S*) (\d)/g)].map(
      ([, name, section]) => `${name}.${section}`,
    ),
  );
  for (const page of new Set(referred)) assert.ok(pages.includes(page), page);
});

test('tlspool.conf(5) has every setting, and no other', () => {
  const text = readFileSync(join(man, 'tlspool.conf.5'), 'utf8');
  const named = new Set([...text.matchAll(/^\.(?:It )?Ic (\w+)/gm)].map(([, name]) => name));
  assert.deepEqual([...named].sort(), [...keys.keys()].sort());
});

test('a default that is nothing is not told', () => {
  for (const page of pages)
    assert.doesNotMatch(readFileSync(join(man, page), 'utf8'), /default is \\fB\\%\\fR/, page);
});

test('every page is of this release', () => {
  const { version } = JSON.parse(readFileSync(join(man, '../package.json'), 'utf8')) as {
    version: string;
  };
  for (const page of pages)
    assert.ok(readFileSync(join(man, page), 'utf8').includes(`.Os tlspool ${version}\n`), page);
});

test('whatever a description says, it comes out of mandoc as it went in', () => {
  const words = fc.array(
    fc.stringMatching(/^[!-~]{1,12}$/).filter((word) => !word.includes('`')),
    { minLength: 1, maxLength: 30 },
  );
  fc.assert(
    fc.property(words, (text) => {
      const shown = render(prose(text.join(' ')));
      assert.equal(shown.replaceAll(/\s+/g, ''), text.join(''));
    }),
    { numRuns: 50 },
  );
});

test('a line of an example comes out of mandoc as it went in', () => {
  const line = `.don't \\start -- 'a b' --x=-1 ~/f #1`;
  assert.equal(render(`.Bd -literal\n${literalLine(line)}\n.Ed`).trim(), line);
});

/** How a terminal of 1970 prints bold: the character, back, the character. */
const overstruck = new RegExp(`.${String.fromCharCode(8)}`, 'g');

/** The text of a page's description as mandoc shows it, on lines too long to be broken. */
function render(body: string): string {
  const source = `.Dd January 1, 2026\n.Dt X 1\n.Os\n.Sh NAME\n.Nm x\n.Nd x\n.Sh DESCRIPTION\n${body}\n`;
  const { stdout } = spawnSync('mandoc', ['-Tascii', '-Owidth=1000'], {
    input: source,
    encoding: 'utf8',
  });
  const plain = stdout.replaceAll(overstruck, '');
  return plain.split('DESCRIPTION\n')[1]?.split('\n').slice(0, -2).join('\n') ?? '';
}
