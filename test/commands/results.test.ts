import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../built.ts';
import { describedCommands, holds } from './documented-results.ts';
import { stage } from './state-stage.ts';

/** They run until they are ended, and have a log or a conversation. */
const withoutResult = ['identities select', 'pin', 'serve', 'wrap'];

test('every command is in the guide that has a result', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'oclif.manifest.json'), 'utf8')) as {
    commands: Record<string, unknown>;
  };
  const all = Object.keys(manifest.commands).map((id) => id.replaceAll(':', ' '));
  assert.deepEqual([...describedCommands, ...withoutResult].sort(), all.sort());
});

test('results are as the guide has them', async () => {
  using made = stage();
  const at = (name: string) => join(made.folder, name);
  await holds(made, 'init');
  await holds(made, 'identities create', 'localhost');
  await holds(made, 'identities create', 'self.example.com', '--self-signed');
  await holds(made, 'identities renew', '--within', '400');
  await holds(made, 'identities csr', 'www.example.com');
  await holds(made, 'identities list');
  await holds(made, 'identities show', 'localhost');
  await holds(made, 'identities export', 'localhost', '--out', at('localhost.pem'));
  await holds(made, 'ca export', '--out', at('ca.pem'));
  await holds(made, 'ca crl');
  const subject = ['-subj', '/CN=john', '-keyout', at('john.key'), '-out', at('john.csr')];
  execFileSync('openssl', ['req', '-new', '-newkey', 'rsa:2048', '-nodes', ...subject], {
    stdio: 'ignore',
  });
  await holds(made, 'ca sign', at('john.csr'), '--as', 'john@example.com', '--out', at('john.pem'));
  await holds(made, 'ca list');
  await holds(made, 'tokens list');
  await holds(made, 'trust list');
  await holds(made, 'trust check', '--chain', at('john.pem'));
  await holds(made, 'authz whoami', '--cert', at('john.pem'));
  await holds(made, 'ca revoke', 'john@example.com');
  await holds(made, 'trust expression set', 'TI&', '--role', 'client');
  await holds(made, 'trust expression show');
  await holds(made, 'trust pin', 'localhost', at('localhost.pem'));
  await holds(made, 'trust unpin', 'localhost');
  await holds(made, 'trust distrust', at('john.pem'));
  await holds(made, 'trust import-system');
  await holds(made, 'trust remove', '--system');
  await holds(made, 'disclose add', '.', 'john@example.com');
  await holds(made, 'disclose list');
  await holds(made, 'disclose test', 'imap.example.com');
  await holds(made, 'disclose remove', '.');
  const p12 = ['--p12', at('mary.p12'), '--unsafe-key-outside-token'];
  await holds(made, 'ca issue', 'mary@example.com', ...p12);
  await holds(made, 'identities remove', 'localhost');
});
