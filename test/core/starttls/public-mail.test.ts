import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publicMailWarning } from '../../../src/core/starttls/public-mail.ts';
import { agreeStartTls } from '../../../src/core/starttls/terms.ts';

const smtp = agreeStartTls({ startTls: 'smtp' }, 'server');

test('a mail exchanger that requires TLS is warned of', () => {
  for (const addresses of [['[::]:25'], ['192.0.2.1:587', '192.0.2.1:25']]) {
    assert.match(publicMailWarning(addresses, smtp) ?? '', /:25 requires TLS .*RFC 3207 section 4/);
  }
});

test('nobody else is', () => {
  const optional = agreeStartTls({ startTls: 'smtp', tlsOptional: true }, 'server');
  assert.equal(publicMailWarning(['[::]:25'], optional), undefined);
  assert.equal(publicMailWarning(['[::]:587', '[::]:2525'], smtp), undefined);
  assert.equal(
    publicMailWarning(['[::]:25'], agreeStartTls({ startTls: 'imap' }, 'server')),
    undefined,
  );
  assert.equal(publicMailWarning(['[::]:25'], undefined), undefined);
});
