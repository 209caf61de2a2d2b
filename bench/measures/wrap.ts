import { dirname, join } from 'node:path';
import type { Repeated, Window } from '../load.ts';
import { processTree, start, stop, untilAccepting } from '../processes.ts';
import type { Rig } from '../rig.ts';
import { freePort } from '../targets/fleet.ts';
import { tlspool, tlspoolCommand, whereIn } from '../targets/tlspool.ts';
import type { Trial, Values } from '../trial.ts';

/**
 * What the transparent mode of `wrap` costs a program for each connection: the CPU time of the program and of `wrap`,
 * its hand-over to the daemon included, over that of the same program without it. TLS, in the daemon, is not in it.
 */
export function wrap(rig: Rig): Trial[] {
  return [
    { measure: 'wrap', subject: 'accepting', run: () => accepting(rig) },
    { measure: 'wrap', subject: 'connecting', run: () => connecting(rig) },
  ];
}

/** The program is a server: the backend, at a TCP port. */
async function accepting(rig: Rig): Promise<Values> {
  const daemon = await rig.fleet.ready(tlspool, 'ec-p256');
  const window = windowOf(rig);
  const direct = await serving(
    rig,
    () => [],
    (port, watch) => rig.load.plain(port, watch, window),
  );
  const wrapped = await serving(
    rig,
    (port) => wrapping(daemon, `--tls=${port}`, `--local-id=${daemon.serverName}`),
    (port, watch) => rig.load.handshakes({ ...daemon, port, watch }, { ...window, resume: false }),
  );
  return overhead(direct, wrapped);
}

/** The program is a client: the load generator, which visits the backend, and a TLS server in front of it. */
async function connecting(rig: Rig): Promise<Values> {
  const daemon = await rig.fleet.ready(tlspool, 'ec-p256');
  const { port, serverName } = daemon;
  const window = windowOf(rig);
  const direct = await serving(
    rig,
    () => [],
    (to) => rig.load.plain(to, ['self'], window),
  );
  const command = wrapping(daemon, `--client-tls=${port}`, `--remote-id=${serverName}`);
  const wrapped = await rig.load.plain(port, ['wrapped'], window, command);
  return overhead(direct, wrapped);
}

/** Has `work` done while a backend listens at a port of its own, run by the command in front of it. */
async function serving<T>(
  rig: Rig,
  wrapper: (port: number) => readonly string[],
  work: (port: number, watch: readonly number[]) => Promise<T>,
): Promise<T> {
  const port = await freePort();
  const log = join(rig.directory, 'wrapped.log');
  const backend = [join(rig.binaries, 'backend'), String(port)];
  const server = start([...wrapper(port), ...backend], { log });
  try {
    await untilAccepting(port, server, log);
    return await work(port, processTree(server.pid));
  } finally {
    await stop(server);
  }
}

function wrapping({ socket }: { readonly socket?: string }, ...flags: string[]): readonly string[] {
  if (socket === undefined) throw new Error(`${tlspool.title} has no socket`);
  return [...tlspoolCommand, 'wrap', '--quiet', ...flags, ...whereIn(dirname(socket)), '--'];
}

/** The first thousand connections cost more: V8 compiles what they need. */
function windowOf({ scale }: Rig): Window {
  return { threads: 8, warmUp: 2 * scale, seconds: 2 * scale };
}

function overhead(direct: Repeated, wrapped: Repeated): Values {
  const [directMicroseconds, wrappedMicroseconds] = [direct, wrapped].map(
    ({ cpuSeconds, count }) => (1e6 * cpuSeconds) / count,
  ) as [number, number];
  const overheadMicroseconds = wrappedMicroseconds - directMicroseconds;
  return { directMicroseconds, wrappedMicroseconds, overheadMicroseconds };
}
