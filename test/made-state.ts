/** State folders as the commands make them: made once in a run of the tests, and copied from then on. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { softHsmPaths } from '../src/core/token/softhsm.ts';
import { tlspool } from './commands/run-tlspool.ts';

/** Arguments of one `identities create`, e.g. `['www.example.com', '--key', 'ec-p256']`. */
export type IdentityOrder = readonly string[];

let copies = 0;
let ownShelf: string | undefined;

/**
 * Makes the folder, which must not exist, with what `init` and `identities create` put there. Within a process no two
 * have the same CA, keys or token.
 * @returns the local CA's certificates, PEM
 */
export async function makeState(
  stateDir: string,
  identities: readonly IdentityOrder[] = [],
): Promise<string> {
  const number = copies++;
  return copyOf(await model(number, identities), stateDir);
}

/** `npm test` says where those of its run are; a test file by itself has its own. */
function shelf(): string {
  const given = process.env.TLSPOOL_TEST_STATES;
  if (given !== undefined) return given;
  if (ownShelf === undefined) {
    const own = mkdtempSync(join(tmpdir(), 'tlspool-states-'));
    process.once('exit', () => rmSync(own, { recursive: true, force: true }));
    ownShelf = own;
  }
  return ownShelf;
}

/** The folder of the one to copy: made if nobody did yet, from that with one identity less. */
async function model(number: number, identities: readonly IdentityOrder[]): Promise<string> {
  const order = JSON.stringify([number, identities]);
  const place = join(shelf(), createHash('sha256').update(order).digest('hex').slice(0, 32));
  if (existsSync(place)) return place;
  const draft = mkdtempSync(join(shelf(), 'draft-'));
  const state = join(draft, 'state');
  const last = identities.at(-1);
  if (last === undefined) {
    await succeed(state, 'init');
    writeFileSync(join(draft, 'ca.pem'), await succeed(state, 'ca', 'export'));
  } else {
    writeFileSync(
      join(draft, 'ca.pem'),
      copyOf(await model(number, identities.slice(0, -1)), state),
    );
    await succeed(state, 'identities', 'create', ...last);
  }
  return keep(draft, place);
}

/** Another test file may have been faster: then its own counts. */
function keep(draft: string, place: string): string {
  try {
    renameSync(draft, place);
  } catch (error) {
    if (!existsSync(place)) throw error;
    rmSync(draft, { recursive: true });
  }
  return place;
}

async function succeed(stateDir: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await tlspool(args, { TLSPOOL_STATE_DIR: stateDir });
  assert.equal(code, 0, `tlspool ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** A state folder knows where it is in three places. */
function copyOf(place: string, stateDir: string): string {
  mkdirSync(stateDir, { mode: 0o700 });
  cpSync(join(place, 'state'), stateDir, { recursive: true });
  const { conf, tokens } = softHsmPaths(stateDir);
  const written = readFileSync(conf, 'utf8');
  writeFileSync(conf, written.replace(/^(directories\.tokendir = ).*$/m, `$1${tokens}`));
  const store = new DatabaseSync(join(stateDir, 'store.sqlite'));
  store.exec('pragma synchronous = off');
  store.prepare('update modules set softhsm_conf = ?').run(conf);
  store.prepare('update tokens set pin_source = ?').run(`file:${join(stateDir, 'pin')}`);
  store.close();
  return readFileSync(join(place, 'ca.pem'), 'utf8');
}
