import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../patience.ts';
import { childrenOf, readIfThere } from '../processes.ts';
import { curl, name } from './stage/clients.ts';
import { nginx } from './stage/nginx.ts';
import { Pool } from './stage/pool.ts';
import { wrappedWhole } from './stage/wrapped.ts';

test('nginx in the background reads its configuration anew, and hands its listeners to its successor', async () => {
  await using pool = await Pool.serving([[name]]);
  const { folder } = pool;
  writeFileSync(join(folder, 'page'), 'served\n');
  const { command, pidFile } = await nginx({ root: folder, folder, daemon: true });
  await using served = await wrappedWhole(pool, [], command);
  const { child } = served.running;
  // 0 while one master has put its file aside and the other has not written its own.
  const master = () => Number(readIfThere(pidFile));
  const serves = async (when: string) => {
    const { stdout, stderr } = await curl(pool, served.port, '/page');
    assert.equal(stdout, 'served\n', `${when}: ${stderr} ${served.running.stderr}`);
  };
  await serves('at first');
  const first = master();
  // One of them serves before the other is there.
  await until('two workers', () => childrenOf(first).length === 2);
  const firstWorkers = childrenOf(first);

  child.kill('SIGHUP');
  await until('other workers', () => {
    const workers = childrenOf(first);
    return workers.length === 2 && !workers.some((pid) => firstWorkers.includes(pid));
  });
  await serves('after the reload');

  child.kill('SIGUSR2');
  await until('another master', () => ![0, first].includes(master()));
  await serves('with two masters');
  process.kill(first, 'SIGQUIT');
  await until('the end of the first master', () => childrenOf(first).length === 0);
  await serves('with the successor alone');

  assert.equal(await served.stop(), 0, served.running.stderr);
});
