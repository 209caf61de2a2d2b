import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { until } from '../../patience.ts';
import type { Running } from './running.ts';

/** Ports that a process of tests goes through before it comes into those of the next one. */
const SHARE = 64;
/** Below are those of services. */
const LOWEST = 10_000;
const HIGHEST = 65_535;

let given = 0;

/**
 * A port, of TCP and of UDP, that is free now, for programs that cannot be told to choose one. The kernel gives it to
 * nobody who does not name it, and other test files go through others: it is free still when the program comes to it.
 */
export async function freePort(): Promise<number> {
  const [first, last] = unasked();
  const size = last - first + 1;
  for (let tried = 0; tried < size; tried += 1) {
    const port = first + ((process.pid * SHARE + given++) % size);
    const isFree = await listens(createServer().listen(port));
    if (isFree && (await listens(createSocket('udp4').bind(port)))) return port;
  }
  throw new Error(`no port from ${first} to ${last} is free`);
}

/** The same for one that takes root (ip(7), ip_unprivileged_port_start). */
export async function freePortOfRoot(): Promise<number> {
  for (let port = 1023; port > 600; port--) {
    if (await listens(createServer().listen(port))) return port;
  }
  throw new Error('no port of root is free');
}

/** The larger part beside what the kernel gives to whoever asks for any port; all, where that leaves next to nothing. */
function unasked(): readonly [first: number, last: number] {
  const range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
  const [low = LOWEST, high = HIGHEST] = range.trim().split(/\s+/).map(Number);
  const [below, above] = [low - LOWEST, HIGHEST - high];
  if (Math.max(below, above) < SHARE) return [LOWEST, HIGHEST];
  return below >= above ? [LOWEST, low - 1] : [high + 1, HIGHEST];
}

/** Of a socket that was told to, at every address of this machine: whether it can. */
async function listens(probe: Server | Socket): Promise<boolean> {
  try {
    await once(probe, 'listening');
  } catch {
    return false;
  }
  probe.close();
  await once(probe, 'close');
  return true;
}

/** Resolves when the program accepts connections there; fails when it ends before. */
export async function listening(
  port: number,
  program: Running,
  address = '127.0.0.1',
): Promise<void> {
  await until(`a listener at ${address}:${port}`, async () => {
    const { exitCode, signalCode } = program.child;
    if (exitCode === null && signalCode === null) return await accepts(port, address);
    throw new Error(`nothing listens on ${port}: ${program.stdout} ${program.stderr}`);
  });
}

/** Whether anybody does. */
export async function accepts(port: number, address = '127.0.0.1'): Promise<boolean> {
  const socket = connect(port, address);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
