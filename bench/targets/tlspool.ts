import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, type Started, start, stop, threadTimes, untilAccepting } from '../processes.ts';
import { EventLoop } from './event-loop.ts';
import type { Deployment, Place, Target } from './target.ts';
import { makeToken, slowSofthsm } from './token.ts';

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
  start: (place) => deploy(place, { init: [], environment: {} }),
};

export const tlspoolSlow: Target = {
  ...tlspool,
  id: 'tlspool-slow',
  title: 'tlspool, 20 ms a signature',
  start: async (place) => {
    const module = slowSofthsm(place);
    const token = await makeToken(place.directory);
    return deploy(place, {
      init: [
        '--module',
        module.path,
        '--token',
        token.uri,
        '--pin-source',
        `file:${token.pinFile}`,
      ],
      environment: { ...module.environment, ...token.environment },
      eventLoop: new EventLoop(place.directory),
    });
  },
};

interface Manner {
  /** Flags of `init`. */
  readonly init: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Watched in the daemon. */
  readonly eventLoop?: EventLoop;
}

async function deploy(place: Place, manner: Manner): Promise<Deployment> {
  const { directory, serverName, key } = place;
  const { environment, eventLoop } = manner;
  const socket = join(directory, 'tlspool.sock');
  await writeFile(configurationIn(directory), `daemon_pidfile ${join(directory, 'tlspool.pid')}\n`);
  const where = whereIn(directory);
  const create = ['identities', 'create', serverName, '--role', 'server', '--key', key];
  await run([...tlspoolCommand, 'init', ...manner.init, ...where], environment);
  await run([...tlspoolCommand, ...create, ...where], environment);

  const processes: Started[] = [];
  const launch = async (args: readonly string[], at: string | number, extra = {}) => {
    const log = join(directory, `${args[0]}.log`);
    const command = [...tlspoolCommand, ...args, ...where];
    const process = start(command, { log, environment: { ...environment, ...extra } });
    processes.push(process);
    await untilAccepting(at, process, log);
    return process.pid;
  };
  try {
    const daemon = await launch(['serve'], socket, eventLoop?.environment);
    const ends = ['--accept', `127.0.0.1:${place.port}`, '--connect', place.backend];
    const tunnel = await launch(['tunnel', ...ends, '--local-id', serverName], place.port);
    const cpuByPart = () => partsOf(processes);
    return {
      processes,
      socket,
      parts: { daemon, tunnel },
      cpuByPart,
      ...(eventLoop && { eventLoopP99: () => eventLoop.p99(daemon) }),
    };
  } catch (error) {
    for (const process of processes.reverse()) await stop(process);
    throw error;
  }
}

/** The flags of commands that belong to the daemon whose folder this is. */
export function whereIn(directory: string): readonly string[] {
  return [
    ...['--socket', join(directory, 'tlspool.sock')],
    ...['--state-dir', join(directory, 'state')],
    ...['--config', configurationIn(directory)],
  ];
}

function configurationIn(directory: string): string {
  return join(directory, 'tlspool.conf');
}

/** What each of our threads is for; the daemon is the first process, the tunnel the second. */
function partsOf(processes: readonly Started[]): Record<string, number> {
  const parts = { javascript: 0, engine: 0, token: 0, tunnel: 0 };
  for (const [index, { pid }] of processes.entries())
    for (const { thread, seconds } of threadTimes(pid)) parts[partOf(index, thread)] += seconds;
  return parts;
}

function partOf(process: number, thread: string): 'javascript' | 'engine' | 'token' | 'tunnel' {
  if (process > 0) return 'tunnel';
  if (thread === 'tlspool-token') return 'token';
  return thread.startsWith('tlspool-') ? 'engine' : 'javascript';
}
