import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  afterDashes,
  beforeDashes,
  readCommandLine,
  wantsJson,
} from '../../../src/core/cli/command-line.ts';

const commands = ['ca:export', 'identities:create', 'identities:list', 'serve', 'status', 'wrap'];
const read = (...argv: string[]) => readCommandLine(argv, commands);

test('a command is found by its words and keeps its arguments as they were given', () => {
  const subject = { kind: 'command', id: 'ca:export', argv: ['x', '-', '--flag'] };
  assert.deepEqual(read('ca', 'export', 'x', '-', '--flag'), { kind: 'run', subject });
});

test('help can be asked for before and after', () => {
  const subject = { kind: 'command', id: 'wrap', argv: ['--help'] };
  assert.deepEqual(read('wrap', '--help'), { kind: 'help', subject });
  assert.equal(read('wrap', '-h').kind, 'help');
  assert.deepEqual(read('help', 'wrap'), { kind: 'help', subject: { ...subject, argv: [] } });
  assert.deepEqual(read('help'), { kind: 'help', subject: { kind: 'root' } });
  assert.deepEqual(read('--help'), { kind: 'help', subject: { kind: 'root' } });
});

test('a command may be the topic of others', () => {
  const known = ['pin', 'pin:status'];
  assert.deepEqual(readCommandLine(['pin', '--from', 'x'], known), {
    kind: 'run',
    subject: { kind: 'command', id: 'pin', argv: ['--from', 'x'] },
  });
  assert.deepEqual(readCommandLine(['pin', 'status', 'x'], known), {
    kind: 'run',
    subject: { kind: 'command', id: 'pin:status', argv: ['x'] },
  });
  assert.throws(() => readCommandLine(['pin', 'sttaus'], known), { hint: /`tlspool pin status`/ });
});

test('a topic without a command is asked for help', () => {
  assert.deepEqual(read('ca'), { kind: 'help', subject: { kind: 'topic', id: 'ca' } });
});

test("a program's own --help, --version and --json are not ours", () => {
  assert.equal(read('wrap', '--', 'prog', '--help').kind, 'run');
  assert.equal(read('wrap', '--', '--version').kind, 'run');
  assert.equal(wantsJson(['wrap', '--', '--json']), false);
  assert.equal(wantsJson(['wrap', '--json', '--']), true);
});

test('an unknown command is refused with the nearest, of whatever depth', () => {
  const refused = (argv: string[], message: string, hint: RegExp) =>
    assert.throws(() => read(...argv), { name: 'UsageError', exit: 2, message, hint });
  refused(['statsu'], 'there is no command `tlspool statsu`', /`tlspool status`/);
  refused(['ca', 'exprot'], 'there is no command `tlspool ca exprot`', /`tlspool ca export`/);
  refused(['identity', 'list'], 'there is no command `tlspool identity`', /`tlspool identities`/);
  refused(['zzzzzz'], 'there is no command `tlspool zzzzzz`', /^See `tlspool --help`/);
});

test('a flag where a command is expected is refused, with the order that is meant', () => {
  assert.throws(() => read('--json', 'status'), {
    exit: 2,
    hint: 'Write the command first: `tlspool COMMAND --json`.',
  });
});

test("whatever follows the first -- is the program's, exactly", () => {
  const own = fc.array(fc.string().filter((word) => word !== '--'));
  const programs = fc.array(fc.oneof(fc.string(), fc.constantFrom('--', '-x', '', '--json')));
  fc.assert(
    fc.property(own, programs, (before, program) => {
      const argv = [...before, '--', ...program];
      assert.deepEqual(beforeDashes(argv), before);
      assert.deepEqual(afterDashes(argv), program);
      assert.equal(afterDashes(before), undefined);
    }),
  );
});
