import { test } from 'node:test';
import { GuideRun } from './stage/guide-run.ts';

test('the guide to client certificates works as it is written', {
  skip: process.getuid?.() === 0 ? false : 'it takes root to have a machine of its own',
  timeout: 300_000,
}, async () => {
  using _guide = await GuideRun.take('client-certificates.md');
});
