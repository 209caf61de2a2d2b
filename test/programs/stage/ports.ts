import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Running } from './running.ts';

/** A loopback port that is free now, for programs that cannot be told to choose one. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Resolves when the program accepts connections there; fails when it ends before, or after 20 s. */
export async function listening(
  port: number,
  program: Running,
  address = '127.0.0.1',
): Promise<void> {
  for (let waited = 0; waited < 20_000; waited += 50) {
    if (await accepts(port, address)) return;
    if (program.child.exitCode !== null) break;
    await pause(50);
  }
  throw new Error(`nothing listens on ${port}: ${program.stdout} ${program.stderr}`);
}

async function accepts(port: number, address: string): Promise<boolean> {
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

/** The same for one that takes root (ip(7), ip_unprivileged_port_start). */
export async function freePortOfRoot(): Promise<number> {
  for (let port = 1023; port > 600; port--) {
    if (!(await accepts(port, '127.0.0.1'))) return port;
  }
  throw new Error('no port of root is free');
}
