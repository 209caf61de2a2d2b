import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { makeCredentials } from './credentials.ts';
import { Load } from './load.ts';
import { openFilesLimit } from './machine.ts';
import { run, start, untilAccepting } from './processes.ts';
import { Fleet } from './targets/fleet.ts';

/** What measures work with. */
export interface Rig {
  readonly load: Load;
  readonly fleet: Fleet;
  /** Of what is built for the benchmark. */
  readonly binaries: string;
  /** For logs and sockets. */
  readonly directory: string;
  /** Shortens every run, for trying the benchmark itself: 1 is the real thing. */
  readonly scale: number;
  /** Descriptors that a process may have (RLIMIT_NOFILE). */
  readonly openFiles: number;
}

/** Builds the native programs into `work`, makes certificates, and starts the backend. */
export async function prepareRig(work: string, scale: number): Promise<Rig> {
  const binaries = join(work, 'bin');
  for (const folder of ['native', '../test/fault-shim'])
    await run(['make', '-s', '-C', join(import.meta.dirname, folder), `OUT=${binaries}`]);
  const directory = join(work, 'run');
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true, mode: 0o700 });

  const backend = join(directory, 'backend.sock');
  const log = join(directory, 'backend.log');
  await untilAccepting(backend, start([join(binaries, 'backend'), backend], { log }), log);

  const openFiles = openFilesLimit();
  const fleet = new Fleet({
    directory,
    backend,
    binaries,
    credentials: await makeCredentials(directory),
    cores: availableParallelism(),
    openFiles,
  });
  return { load: new Load(binaries), fleet, binaries, directory, scale, openFiles };
}
