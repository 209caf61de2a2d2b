import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTlsFlags } from '../../../src/core/protocol/flags.ts';
import type { StartTls } from '../../../src/core/protocol/message.ts';
import { readStartTls } from '../../../src/core/session/start-tls-request.ts';

const message: StartTls = {
  command: 'starttls',
  flags: startTlsFlags.localRoleServer | startTlsFlags.remoteRoleClient,
  local: 0,
  ipProtocol: 6,
  streamId: 0,
  localId: '',
  remoteId: '',
  ctlkey: Buffer.alloc(16),
  service: '',
  timeout: 0,
};
const read = (parts: Partial<StartTls>) =>
  readStartTls(1, { ...message, ...parts }, undefined, { handshakeTimeout: 30_000 });

test('services are asked for by the names that rules have, and echoed as they came', () => {
  const request = read({ service: 'SMTP' });
  assert.equal(request.service, 'smtp');
  assert.equal(request.message.service, 'SMTP');
});

test('a time-out is the default, none, or one that timers can be set for', () => {
  assert.equal(read({ timeout: 0 }).timeout, 30_000);
  assert.equal(read({ timeout: 1_500 }).timeout, 1_500);
  assert.equal(read({ timeout: 0xffff_ffff }).timeout, 0);
  assert.equal(read({ timeout: 0xffff_fffe }).timeout, 2 ** 31 - 1);
});
