import { readFile } from 'node:fs/promises';
import { TlspoolError, UsageError } from '../errors.ts';
import {
  type Endpoint,
  type ListenAddress,
  parseEndpoint,
  parseListenAddress,
} from './endpoint.ts';
import { agreeTerms, readTermFlags, type TermFlags, type Terms } from './terms.ts';
import { parseTunnelFile } from './tunnel-file.ts';

/** One tunnel: what comes in at `accept` goes out at `connect`, with TLS on one of the two sides. */
export interface TunnelPlan {
  /** How messages call it; given only in files. */
  readonly name: string | undefined;
  readonly accept: ListenAddress;
  readonly connect: Endpoint;
  readonly terms: Terms;
}

export interface PlanFlags extends TermFlags {
  readonly accept?: string | undefined;
  readonly connect?: string | undefined;
  readonly from?: string | undefined;
  readonly client: boolean;
  readonly 'remote-id'?: string | undefined;
}

/** The tunnels that the flags describe, or the file that they name. */
export async function readPlans(flags: PlanFlags): Promise<TunnelPlan[]> {
  if (flags.from !== undefined) return parseTunnelFile(await read(flags.from), flags.from);
  if (flags.accept === undefined || flags.connect === undefined) {
    throw new UsageError(
      'a tunnel needs both its ends',
      'Give --accept ADDR:PORT and --connect ADDR:PORT, or --from FILE.',
    );
  }
  const connect = parseEndpoint(flags.connect);
  const given = { ...readTermFlags(flags), client: flags.client, remoteId: flags['remote-id'] };
  return [
    {
      name: undefined,
      accept: parseListenAddress(flags.accept),
      connect,
      terms: agreeTerms(given, connect),
    },
  ];
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TlspoolError('bad-tunnel-file', `${file} cannot be read: ${why}`, { exit: 2, cause });
  }
}
