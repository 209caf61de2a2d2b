import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { asksForFirstPage, FIRST_PAGE_WIDTH, firstPage } from '../../../src/core/cli/first-page.ts';

const root = new URL('../../../', import.meta.url);
const version = 'tlspool/1.2.3 linux-x64 node-v26.0.0';

test('the first page is what is shown without a command, and nothing else is asked for', () => {
  for (const argv of [[], ['--help'], ['-h'], ['help']]) assert.ok(asksForFirstPage(argv));
  for (const argv of [['ca'], ['help', 'ca'], ['--help', '--json'], ['--', '--help']])
    assert.ok(!asksForFirstPage(argv), argv.join(' '));
});

test('it names the version that is running, and its headings stand at the margin', () => {
  const page = firstPage(root, version, stream({})) ?? '';
  assert.match(page, /^VERSION\n {2}tlspool\/1\.2\.3 linux-x64 node-v26\.0\.0\n/m);
  assert.match(page, /^COMMANDS\n/m);
});

test('at a terminal its headings are bold; one that is too narrow gets another layout', () => {
  const terminal = { isTTY: true, columns: FIRST_PAGE_WIDTH, getColorDepth: () => 8 };
  const page = firstPage(root, version, stream(terminal)) ?? '';
  assert.ok(page.includes('\n\u001b[1mREADING ON\u001b[22m\n'), page);
  const narrow = { ...terminal, columns: FIRST_PAGE_WIDTH - 1 };
  assert.equal(firstPage(root, version, stream(narrow)), undefined);
});

function stream(
  facts: Partial<NodeJS.WriteStream>,
): Pick<NodeJS.WriteStream, 'isTTY' | 'columns'> & NodeJS.WritableStream {
  return Object.assign(new PassThrough(), { isTTY: false, columns: 0 }, facts);
}
