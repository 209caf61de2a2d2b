import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProtocol, serverDialog } from '../../../src/core/starttls/dialogs.ts';
import { simulate } from './simulation.ts';

test('a request whose number is no number of LDAP is not answered', () => {
  for (const id of ['', '\x01\x02\x03\x04\x05', 'x'.repeat(127)]) {
    const body = `\x02${String.fromCharCode(id.length)}${id}\x4a\x00`;
    const length = body.length < 128 ? '' : '\x81';
    const { outcome, told } = simulate(serverDialog(parseProtocol('ldap'), { optional: false }), {
      peer: { greeting: `\x30${length}${String.fromCharCode(body.length)}${body}` },
      program: {},
    });
    assert.equal(outcome, 'starttls-no-reply');
    assert.equal(told.peer, '');
  }
});
