import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeFd, peek, send, socketPair } from '../../../../src/core/engine/sockets.ts';
import { requirePlaintext } from '../../../../src/core/wrap/client/speaks-tls.ts';

const clientHello = Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);

async function verdictOn(words: Buffer, patience = 60_000): Promise<string> {
  const [ours, programs] = socketPair();
  try {
    if (words.length > 0) send(programs, words);
    const verdict = requirePlaintext(ours, patience);
    return await verdict.then(
      () => 'plaintext',
      (error: { readonly code: string }) => error.code,
    );
  } finally {
    assert.equal(peek(ours, Buffer.alloc(words.length + 1)), words.length || undefined);
    closeFd(ours);
    closeFd(programs);
  }
}

test('a ClientHello is known by its first bytes, which stay to be read', async () => {
  assert.equal(await verdictOn(clientHello), 'speaks-tls');
  assert.equal(await verdictOn(clientHello.subarray(0, 3)), 'speaks-tls');
});

test('whatever else comes first is plaintext', async () => {
  for (const words of [
    'GET / HTTP/1.1\r\n',
    '\x16',
    '\x16\x03',
    '\x00\x00\x00\x08\x04\xd2\x16\x2f',
  ]) {
    assert.equal(await verdictOn(Buffer.from(words, 'latin1')), 'plaintext', words);
  }
  const alert = Buffer.from([0x15, 3, 1, 0, 2, 1, 0]);
  assert.equal(await verdictOn(alert), 'plaintext');
  const anotherMessage = Buffer.from(clientHello).fill(2, 5, 6);
  assert.equal(await verdictOn(anotherMessage), 'plaintext');
});

test('a program that waits for its server is let be', async () => {
  assert.equal(await verdictOn(Buffer.alloc(0), 1), 'plaintext');
});
