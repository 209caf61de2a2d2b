import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProtocol, serverDialog } from '../../../src/core/starttls/dialogs.ts';
import { simulate } from './simulation.ts';

const greeting = '* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] ready\r\n';

/** A program that offers STARTTLS itself, and what its client says inside TLS. */
function insideTls(said: string, capabilities = '') {
  return simulate(
    serverDialog(parseProtocol('imap'), { optional: false }),
    {
      peer: { greeting: 'a STARTTLS\r\n' },
      program: {
        greeting,
        answer: (heard) => (heard.endsWith(' CAPABILITY\r\n') ? capabilities : undefined),
      },
    },
    { inside: { greeting: said } },
  );
}

test('a client is not offered STARTTLS within TLS, also if it says first who it is', () => {
  const { outcome, told } = insideTls(
    'b ID NIL\r\nc AUTHENTICATE PLAIN\r\nAGEAYg==\r\nd CAPABILITY\r\n',
    '* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n',
  );
  assert.equal(outcome, 'through');
  assert.ok(told.peer.endsWith('* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n'), told.peer);
});

test('what a client does once it is in is not looked at line by line: it may be compressed, and long', () => {
  for (const command of ['c COMPRESS DEFLATE', 'c SELECT INBOX', 'c UID SEARCH ALL', 'c IDLE']) {
    const { outcome, told } = insideTls(`b LOGIN x y\r\n${command}\r\n\x80\n`);
    assert.equal(outcome, 'through', command);
    assert.ok(told.program.endsWith(`b LOGIN x y\r\n${command}\r\n`), told.program);
  }
});
