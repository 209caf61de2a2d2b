import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noOptions, writeOptions } from '../../../src/core/protocol/extension.ts';
import { startTlsFlags } from '../../../src/core/protocol/flags.ts';
import type { StartTls } from '../../../src/core/protocol/message.ts';
import { readStartTls } from '../../../src/core/session/start-tls-request.ts';
import { firstHello, madeHello, secondHello } from '../dtls/made-hello.ts';

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

test('a hello that a client has shown its cookie with is taken by servers of DTLS', () => {
  const { dtls, localRoleClient, localRoleServer, remoteRoleClient, remoteRoleServer } =
    startTlsFlags;
  const asServer = { flags: dtls | localRoleServer | remoteRoleClient, ipProtocol: 17 };
  const asClient = { flags: dtls | localRoleClient | remoteRoleServer, remoteId: 'a.example' };
  const readWith = (hello: Buffer, parts: Partial<StartTls>) => {
    const options = writeOptions({ ...noOptions, hello }).map(({ data }) => data);
    return readStartTls(1, { ...message, ...parts }, options, { handshakeTimeout: 30_000 });
  };
  const cookie = Buffer.alloc(20, 7);
  const datagram = madeHello(secondHello(firstHello(), cookie));
  assert.deepEqual(readWith(datagram, asServer).hello, { datagram, cookie });
  assert.throws(() => readWith(datagram, { ...asClient, ipProtocol: 17 }), /only servers of DTLS/);
  assert.throws(() => readWith(datagram, {}), /only servers of DTLS/);
  const nothing = Buffer.alloc(0);
  const cut = datagram.subarray(1);
  for (const other of [nothing, Buffer.from('garbage'), madeHello(firstHello()), cut]) {
    assert.throws(() => readWith(other, asServer), /no ClientHello of DTLS that shows a cookie/);
  }
  assert.equal(read(asServer).hello, undefined);
});
