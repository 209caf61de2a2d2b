import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProtocol, serverDialog } from '../../../src/core/starttls/dialogs.ts';
import { simulate } from './simulation.ts';

test('a line whose command we could not make out, but perhaps the server, does not reach it', () => {
  for (const hidden of [
    ' PORT 192,0,2,9,0,99',
    '\tEPRT |1|192.0.2.9|99|',
    'NOOP\rPORT 1,2,3,4,5,6',
  ]) {
    const { told } = simulate(
      serverDialog(parseProtocol('ftps'), { optional: false }),
      { peer: {}, program: { greeting: '220 ready\r\n' } },
      { inside: { greeting: `PROT P\r\n${hidden}\r\nPWD\r\n` } },
    );
    assert.equal(told.program, 'PWD\r\n');
    assert.match(told.peer, /\r\n500 /);
  }
});
