import { Socket } from 'node:net';
import type { PoolConnection, PoolSession, StartTlsRequest } from '../../../src/client/index.ts';
import { socketPair } from '../../../src/core/engine/sockets.ts';

/** What became of a program's wish to talk over TLS. */
export type Attempt =
  | { readonly session: PoolSession; readonly plain: Socket }
  /** Why not, as the program was told. */
  | { readonly refused: string };

export async function attempt(
  program: PoolConnection,
  request: Omit<StartTlsRequest, 'plain'>,
): Promise<Attempt> {
  let plain: Socket | undefined;
  try {
    const session = await program.startTls({
      ...request,
      plain: () => {
        const [kept, given] = socketPair();
        plain = new Socket({ fd: kept });
        plain.on('error', () => undefined);
        return given;
      },
    });
    if (plain !== undefined) return { session, plain };
    return { refused: 'the pool asked for no plaintext socket' };
  } catch (error) {
    plain?.destroy();
    return { refused: error instanceof Error ? error.message : String(error) };
  }
}
