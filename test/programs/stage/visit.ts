import type { PoolConnection } from '../../../src/client/index.ts';
import { connectTcp } from '../../../src/core/engine/sockets.ts';
import { attempt } from './attempt.ts';

/** What a program learns that wants to talk to the server at that loopback port: `welcome`, or why not. */
export async function visit(
  program: PoolConnection,
  port: number,
  remoteId: string,
  service = '',
): Promise<string> {
  const fd = connectTcp('127.0.0.1', port);
  const attempted = await attempt(program, { fd, role: 'client', remoteId, service });
  if ('refused' in attempted) return attempted.refused;
  attempted.plain.destroy();
  return 'welcome';
}
