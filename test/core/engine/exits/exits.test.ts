import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { patience } from '../../../patience.ts';
import { Pki } from '../fixture.ts';
import { EXIT, type Order } from './busy-program.ts';

const program = fileURLToPath(new URL('busy-program.ts', import.meta.url));
const pki = new Pki();
after(() => pki[Symbol.dispose]());
const { chain, keyId, publicKey } = pki.leaf('p256', 'server.example');
const base64 = (bytes: Buffer) => bytes.toString('base64');
const order: Order = {
  ...pki.token,
  chain: chain.map(base64),
  keyId: base64(keyId),
  publicKey: base64(publicKey),
};

/** How a process may end, and how it is seen to have ended then. */
const endings = {
  exit: `exit code ${EXIT}`,
  throw: 'exit code 1',
  terminate: 'SIGTERM',
} as const;

/** How it ended, and what it said if that is not what was to be expected. */
async function end(how: keyof typeof endings, ms: number, again = 3): Promise<string> {
  const child = spawn(process.execPath, [program, how, String(ms), JSON.stringify(order)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: patience,
    killSignal: 'SIGKILL',
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code, signal] = await once(child, 'close');
  const ended = signal ?? `exit code ${code}`;
  // SoftHSM does not see its token for a moment when another process was ended while it had that open.
  if (said.includes('CKR_TOKEN_NOT_PRESENT') && again > 0) return end(how, ms, again - 1);
  return ended === endings[how] ? ended : `${how}: ${ended}: ${said}`;
}

test('a hundred exits under load, each as it was meant: no signal but the one that was sent', {
  timeout: 20 * patience,
}, async () => {
  const kinds = Object.keys(endings) as (keyof typeof endings)[];
  const waiting = Array.from({ length: 100 }, (_, i) => ({
    how: kinds[i % kinds.length] ?? 'exit',
    ms: (i * 7) % 40,
  }));
  const counts = new Map<string, number>();
  await Promise.all(
    Array.from({ length: 2 }, async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        const ended = await end(next.how, next.ms);
        counts.set(ended, (counts.get(ended) ?? 0) + 1);
      }
    }),
  );
  assert.deepEqual(Object.fromEntries(counts), {
    [endings.exit]: 34,
    [endings.throw]: 33,
    [endings.terminate]: 33,
  });
});
