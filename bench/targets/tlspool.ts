import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, type Started, start, stop, untilAccepting } from '../processes.ts';
import type { EventLoop } from './event-loop.ts';
import type { Deployment, Place, Target } from './target.ts';
import { type Module, softhsm } from './token.ts';

/** The command as it is installed, run by the pinned Node. */
export const tlspoolCommand: readonly string[] = [
  process.execPath,
  join(import.meta.dirname, '../../bin/run.js'),
];

/** As an operator runs it: a daemon with its key in SoftHSM, and a tunnel that hands it the sockets. */
export const tlspool: Target = {
  id: 'tlspool',
  title: 'tlspool, key in SoftHSM',
  standsFor: [],
  version: async () => (await run([...tlspoolCommand, '--version'])).stdout.trim(),
  start: (place) => deploy(place, softhsm),
};

async function deploy(place: Place, module: Module, eventLoop?: EventLoop): Promise<Deployment> {
  const { directory, serverName, key } = place;
  const state = join(directory, 'state');
  const socket = join(directory, 'tlspool.sock');
  const configuration = join(directory, 'tlspool.conf');
  await writeFile(configuration, `daemon_pidfile ${join(directory, 'tlspool.pid')}\n`);

  const common = ['--state-dir', state, '--config', configuration];
  const tlspool = (...args: string[]) =>
    run([...tlspoolCommand, ...args, ...common], module.environment);
  await tlspool('init', ...(module === softhsm ? [] : ['--module', module.path]));
  await tlspool('identities', 'create', serverName, '--role', 'server', '--key', key);

  const processes: Started[] = [];
  const launch = async (name: string, args: readonly string[], at: string | number) => {
    const log = join(directory, `${name}.log`);
    const environment = {
      ...module.environment,
      ...(name === 'serve' ? eventLoop?.environment : {}),
    };
    const process = start([...tlspoolCommand, ...args, '--socket', socket], { log, environment });
    processes.push(process);
    await untilAccepting(at, process, log);
    return process.pid;
  };
  try {
    const daemon = await launch('serve', ['serve', ...common], socket);
    const accept = `127.0.0.1:${place.port}`;
    const tunnel = [
      'tunnel',
      '--accept',
      accept,
      '--connect',
      place.backend,
      '--local-id',
      serverName,
    ];
    await launch('tunnel', tunnel, place.port);
    return { processes, socket, ...(eventLoop && { eventLoopP99: () => eventLoop.p99(daemon) }) };
  } catch (error) {
    for (const process of processes.reverse()) await stop(process);
    throw error;
  }
}
