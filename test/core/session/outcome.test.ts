import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClosedEvent, EngineFailure } from '../../../src/core/engine/types.ts';
import { describe, setUpFailure } from '../../../src/core/session/outcome.ts';

const alert = { direction: 'sent', name: 'internal_error', code: 80 } as const;

function failed(name: string): EngineFailure {
  return { side: 'local', reason: 'EVP lib', alert, pkcs11: { value: 0, name } };
}

function closedBy(failure: EngineFailure): ClosedEvent {
  const traffic = { bytesIn: 0, bytesOut: 0, recordsIn: 0, recordsOut: 0 };
  const counters = { ...traffic, lostIn: 0, lostOut: 0, duration: 1 };
  return { type: 'closed', session: 1, reason: 'handshake-failed', failure, counters };
}

test('a token that does not sign is told as that, by its own word', () => {
  assert.equal(
    describe(failed('CKR_DEVICE_REMOVED')),
    'we refused: our token did not sign (alert internal_error sent, token says CKR_DEVICE_REMOVED)',
  );
});

test('a key that its token does not have is told as that, with what to do', () => {
  const { message, hint } = setUpFailure(closedBy(failed('KEY_NOT_FOUND')));
  assert.equal(message, 'our key is not in its token (KEY_NOT_FOUND)');
  assert.match(hint ?? '', /identities create --renew/);
  // Both fit into the text of the socket protocol's error.
  assert.ok(`${message}. ${hint}`.length < 128);
});

test('what OpenSSL says is told where no token had to do with it', () => {
  const failure = { side: 'local', reason: 'no shared cipher' } as const;
  assert.equal(describe(failure), 'we refused: no shared cipher');
  const theirs = { ...failed('CKR_OK'), side: 'remote', reason: 'certificate expired' } as const;
  assert.match(describe(theirs) ?? '', /^the other side refused: certificate expired/);
});
