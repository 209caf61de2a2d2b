import { ConfigError, readConfFile } from '../config/conf-file.ts';
import { UsageError } from '../errors.ts';
import { agreeUdp } from './agree-udp.ts';
import { parseEndpoint, parseListenAddress } from './endpoint.ts';
import type { TunnelPlan } from './plan.ts';
import { agreeTerms, readTermFlags, type TermFlags } from './terms.ts';
import { readTunnelFile } from './tunnel-file.ts';

export interface PlanFlags extends TermFlags {
  readonly accept?: string | undefined;
  readonly connect?: string | undefined;
  readonly from?: string | undefined;
  readonly client: boolean;
  readonly udp: boolean;
  readonly 'remote-id'?: string | undefined;
}

/** The tunnels that the flags describe, or the file that they name. */
export function readPlans(flags: PlanFlags): TunnelPlan[] {
  if (flags.from !== undefined) return readFile(flags.from);
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
      udp: agreeUdp(flags.udp, given, connect),
    },
  ];
}

function readFile(file: string): TunnelPlan[] {
  const settings = readConfFile(file);
  if (settings === undefined) throw new ConfigError(`there is no file ${file}`);
  return readTunnelFile(settings, file);
}
