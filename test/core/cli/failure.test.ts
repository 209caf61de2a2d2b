import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  failureJson,
  failureText,
  quietExit,
  shapeFailure,
} from '../../../src/core/cli/failure.ts';
import { TlspoolError } from '../../../src/core/errors.ts';

const context = { name: 'status', flags: ['--socket'] };

test('a failure of ours is told as it is: code, message, hint and exit code', () => {
  const error = new TlspoolError('no-daemon', 'no pool answers at /x', {
    hint: 'Start it.',
    exit: 3,
  });
  const failure = shapeFailure(error, context);
  assert.equal(failure.exit, 3);
  assert.deepEqual(JSON.parse(failureJson(failure)), {
    error: { code: 'no-daemon', message: 'no pool answers at /x', hint: 'Start it.' },
  });
  assert.equal(failureText(failure), 'Error: no pool answers at /x\nStart it.');
});

test('without a hint the JSON still has the key', () => {
  const failure = shapeFailure(new TlspoolError('x', 'y'), context);
  assert.deepEqual(JSON.parse(failureJson(failure)), {
    error: { code: 'x', message: 'y', hint: null },
  });
});

test('a refusal of the operating system is told without a stack', () => {
  const failure = thrownBy(() => readFileSync('/nonexistent/file'));
  assert.equal(failure.code, 'ENOENT');
  assert.equal(failure.message, '/nonexistent/file: no such file or directory');
  assert.equal(failure.exit, 1);
  assert.equal(failure.stack, undefined);
});

test('Ctrl-C at a question ends as the signal would', () => {
  const interrupted = Object.assign(new Error('User force closed the prompt'), {
    name: 'ExitPromptError',
  });
  const { exit, stack } = shapeFailure(interrupted, context);
  assert.deepEqual({ exit, stack }, { exit: 130, stack: undefined });
});

test('where more than flags and arguments is to be written, that is shown', () => {
  const error = Object.assign(new Error('Unexpected argument: true'), { oclif: { exit: 2 } });
  const wrap = { name: 'wrap', flags: [], usage: 'wrap [FLAGS] -- CMD' };
  assert.equal(
    failureText(shapeFailure(error, wrap)),
    'Error: unexpected argument: true\nIt is written `tlspool wrap [FLAGS] -- CMD`. See `tlspool wrap --help`.',
  );
});

test('a fault of tlspool itself shows where it happened', () => {
  const failure = thrownBy(() => (undefined as unknown as string[]).length);
  assert.equal(failure.code, 'internal');
  assert.match(failureText(failure), /fault of tlspool.*\n[\s\S]*failure\.test\.ts/);
});

test('what is thrown without being an error is told all the same', () => {
  assert.equal(shapeFailure('gone', context).message, 'gone');
});

test('an exit that a command asked for is no failure', () => {
  const exit = Object.assign(new Error('EEXIT: 4'), { code: 'EEXIT', oclif: { exit: 4 } });
  assert.equal(quietExit(exit), 4);
  assert.equal(quietExit(new Error('x')), undefined);
});

test("the parser's words are made one line that names the flag", () => {
  const parser = (message: string) => Object.assign(new Error(message), { oclif: { exit: 2 } });
  const told = (message: string) => shapeFailure(parser(message), context).message;
  assert.equal(
    told('Missing required flag listen\nSee more help with --help'),
    'missing required flag --listen',
  );
  assert.equal(
    told('Parsing --days \n\tExpected an integer\nSee more help with --help'),
    '--days: Expected an integer',
  );
  assert.equal(
    told(
      'The following error occurred:\n  --a cannot also be provided when using --b\nSee more help with --help',
    ),
    '--a cannot also be provided when using --b',
  );
});

function thrownBy(work: () => unknown) {
  try {
    work();
  } catch (error) {
    return shapeFailure(error, context);
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' });
}
