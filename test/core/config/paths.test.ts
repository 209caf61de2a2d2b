import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { resolvePaths } from '../../../src/core/config/paths.ts';

const folder = mkdtempSync(join(tmpdir(), 'tlspool-paths-'));
const file = join(folder, 'tlspool.conf');
after(() => rmSync(folder, { recursive: true }));

test('flag goes before environment, environment before file, file before default', () => {
  writeFileSync(file, 'socket_name /file/socket\nstate_dir /file/state\n');
  const environment = { TLSPOOL_CONFIG_FILE: file, TLSPOOL_SOCKET: '/environment/socket' };
  const all = resolvePaths({ socket: '/flag/socket' }, environment, 0);
  assert.deepEqual(all, { socket: '/flag/socket', stateDir: '/file/state', config: file });
  assert.equal(resolvePaths({}, environment, 0).socket, '/environment/socket');
  assert.equal(resolvePaths({ config: file }, {}, 0).socket, '/file/socket');
  writeFileSync(file, '# nothing\n');
  assert.equal(resolvePaths({ config: file }, {}, 0).socket, '/var/run/tlspool.sock');
});

test('a user has a pool of their own', () => {
  const environment = { XDG_RUNTIME_DIR: '/run/me', XDG_STATE_HOME: '/s', XDG_CONFIG_HOME: '/c' };
  assert.deepEqual(resolvePaths({}, environment, 1000), {
    socket: '/run/me/tlspool.sock',
    stateDir: '/s/tlspool',
    config: '/c/tlspool/tlspool.conf',
  });
});

test('a variable that is empty is as one that is not set', () => {
  const environment = { XDG_RUNTIME_DIR: '', XDG_STATE_HOME: '', XDG_CONFIG_HOME: '', HOME: '/h' };
  const empty = { TLSPOOL_SOCKET: '', TLSPOOL_STATE_DIR: '', TLSPOOL_CONFIG_FILE: '' };
  const paths = resolvePaths({}, { ...environment, ...empty }, 1000);
  assert.deepEqual(paths, resolvePaths({}, { HOME: '/h' }, 1000));
  assert.equal(paths.socket, '/run/user/1000/tlspool.sock');
});

test('a file that is named must be there, and name absolute paths', () => {
  assert.throws(() => resolvePaths({ config: join(folder, 'none') }, {}, 0), {
    code: 'bad-config',
  });
  writeFileSync(file, 'socket_name relative/socket\n');
  assert.throws(() => resolvePaths({ config: file }, {}, 0), /tlspool.conf:1: socket_name/);
});
