import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientDialog, parseProtocol, serverDialog } from '../../../src/core/starttls/dialogs.ts';
import { mysqlGreeting, mysqlPacket, mysqlResponse, mysqlSslRequest } from './examples.ts';
import { simulate } from './simulation.ts';

/** Asks for another kind of log-in than the greeting named. */
const switchRequest = Buffer.from('\xfemysql_native_password\0saltsaltsaltsaltsalt\0', 'latin1');
const done = Buffer.from([0, 0, 0, 2, 0, 0, 0]);

/** How somebody without a password answers that: with nothing at all. */
const nothing = Buffer.alloc(0);

test('an account without a password logs in, though its answer is an empty packet', () => {
  const { outcome, told } = simulate(
    serverDialog(parseProtocol('mysql'), { optional: false }),
    {
      peer: { greeting: mysqlSslRequest },
      program: {
        greeting: mysqlGreeting(false),
        answer: (_, more) => {
          if (more.includes('someone')) return mysqlPacket(2, switchRequest);
          return more === '\0\0\0\x03' ? mysqlPacket(4, done) : undefined;
        },
      },
    },
    {
      inside: {
        greeting: mysqlPacket(2, mysqlResponse.subarray(4)),
        answer: (_, more) => (more.includes('native') ? mysqlPacket(4, nothing) : undefined),
      },
    },
  );
  assert.equal(outcome, 'through');
  assert.ok(told.peer.endsWith(mysqlPacket(5, done).toString('latin1')));
});

test('a server that greets with nothing does not speak the protocol', () => {
  const { outcome } = simulate(clientDialog(parseProtocol('mysql'), { ownName: '' }), {
    peer: { greeting: mysqlPacket(0, nothing) },
    program: {},
  });
  assert.equal(outcome, 'starttls-no-reply');
});
