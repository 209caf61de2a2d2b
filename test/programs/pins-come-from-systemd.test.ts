import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from '../../src/client/index.ts';
import { sendDatagram } from '../../src/core/engine/process.ts';
import { until } from '../patience.ts';
import { askingPool } from './stage/asking-pool.ts';
import { handedOver } from './stage/handed-over.ts';
import { tlspool } from './stage/running.ts';
import { withoutSystemd } from './stage/systemd.ts';

const name = 'www.example.com';
/** Where systemd's agents find what is asked (systemd.io/PASSWORD_AGENTS). */
const ASKED = '/run/systemd/ask-password';
const unhurried = { timeout: Number.POSITIVE_INFINITY };
const onlyRoot = process.getuid?.() === 0 ? false : 'only root answers systemd-ask-password';
const skip = withoutSystemd() || onlyRoot;

interface Question {
  readonly message: string;
  readonly socket: string;
}

/** The question that is asked for a session of this very process. */
async function question(pattern: RegExp): Promise<Question> {
  let found: Question | undefined;
  await until(`the question ${pattern}`, () => {
    found = questions().find(({ message }) => pattern.test(message));
    return found !== undefined;
  });
  return found as Question;
}

function questions(): Question[] {
  // The first one who asks makes the folder.
  const all = existsSync(ASKED) ? readdirSync(ASKED) : [];
  const files = all.filter((file) => file.startsWith('ask.'));
  return files.flatMap((file) => {
    const text = read(join(ASKED, file));
    const [, message = ''] = /^Message=(.*)$/m.exec(text) ?? [];
    const [, socket = ''] = /^Socket=(.*)$/m.exec(text) ?? [];
    return message.includes(`process ${process.pid})`) ? [{ message, socket }] : [];
  });
}

/** '' if it was answered meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

test("systemd's agents are asked where there is no terminal, told what for, and may decline", {
  skip,
}, async () => {
  await using asking = await askingPool([[name]]);
  const { pool, pin } = asking;
  await using asker = pool.start('pin', '--ask-password');
  await asker.saying(/ready/);
  const program = await connect({ socket: pool.socket });
  try {
    const declined = handedOver(program, pool, name, unhurried);
    declined.catch(() => undefined);
    sendDatagram((await question(/PIN of tlspool/)).socket, '-');
    await assert.rejects(declined, { code: 'stirred-not-shaken', message: /PIN.* was declined/ });

    const session = handedOver(program, pool, name, unhurried);
    session.catch(() => undefined);
    const first = await question(/PIN of tlspool/);
    assert.match(first.message, /Identity: www\.example\.com/);
    sendDatagram(first.socket, '+1234');
    sendDatagram((await question(/1 wrong PIN/)).socket, `+${pin}`);
    using done = await session;
    assert.equal(done.session.localId, name);
    assert.deepEqual(questions(), [], 'nothing is asked any more');
  } finally {
    program.close();
  }
  asker.child.kill('SIGTERM');
  assert.equal(await asker.ended, 0);
  assert.ok(!`${asker.stdout}${asker.stderr}`.includes(pin), 'a PIN is never shown');
});

test('a PIN is taken from a credential that systemd gave to the service', async () => {
  await using asking = await askingPool([[name]]);
  const { pool, pin } = asking;
  writeFileSync(join(pool.folder, 'card-pin'), `${pin}\n`, { mode: 0o600 });
  const args = ['pin', '--from', 'credential:card-pin', '--token', 'tlspool'];
  const env = { ...pool.environment, CREDENTIALS_DIRECTORY: pool.folder };
  await using answering = tlspool(args, { env });
  await answering.saying(/ready/);
  const program = await connect({ socket: pool.socket });
  try {
    using done = await handedOver(program, pool, name, unhurried);
    assert.equal(done.session.localId, name);
  } finally {
    program.close();
  }
});
