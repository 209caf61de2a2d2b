import { isIP } from 'node:net';
import { UsageError } from '../../errors.ts';
import { formatDonai, parseDonai } from '../../identity/donai.ts';
import { DonaiError } from '../../identity/donai-error.ts';
import type { Protocol } from '../../starttls/dialog.ts';
import { parseProtocol } from '../../starttls/dialogs.ts';
import { canonicalAddress } from '../names/hosts-file.ts';
import { ftpsMeaning } from '../port-meaning.ts';

/** How connections are treated. */
export type Treatment =
  | { readonly kind: 'tls'; readonly service?: string | undefined }
  | {
      readonly kind: 'starttls';
      readonly protocol: string;
      readonly service?: string | undefined;
    };

/** One `--client-tls` or `--client-starttls`. */
export interface ClientRule {
  /** A name in lower case, or an address; undefined: any. */
  readonly host: string | undefined;
  readonly port: number;
  readonly treatment: Treatment;
}

/** `HOST:PORT` or `PORT`. */
export function parseClientTls(text: string): ClientRule {
  const place = parsePlace(text, 'HOST:PORT or PORT');
  const treatment: Treatment = place.port === 990 ? ftpsMeaning : { kind: 'tls' };
  return { ...place, treatment };
}

/** `[HOST:]PORT=PROTOCOL` */
export function parseClientStartTls(text: string): ClientRule {
  const border = text.lastIndexOf('=');
  if (border < 0) throw new UsageError(`expected [HOST:]PORT=PROTOCOL, got \`${text}\``);
  const protocol = parseProtocol(text.slice(border + 1));
  requireClient(protocol);
  const place = parsePlace(text.slice(0, border), '[HOST:]PORT=PROTOCOL');
  const treatment = {
    kind: 'starttls',
    protocol: protocol.name,
    service: protocol.service,
  } as const;
  return { ...place, treatment };
}

/** Whom servers have to prove to be. @throws UsageError */
export function parseRemoteId(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : formatDonai(parseDonai(text));
  } catch (error) {
    if (!(error instanceof DonaiError)) throw error;
    throw new UsageError(`--remote-id ${text}: ${error.message}`);
  }
}

function parsePlace(text: string, expected: string): Omit<ClientRule, 'treatment'> {
  const parts = /^(?:(?:\[(?<six>[^\]]+)\]|(?<name>[^:[\]]+)):)?(?<port>\d{1,5})$/.exec(text);
  const port = Number(parts?.groups?.port);
  const host = parts?.groups?.six ?? parts?.groups?.name;
  if (!parts || port < 1 || port > 65_535 || !isHost(host)) {
    throw new UsageError(`expected ${expected}, got \`${text}\``);
  }
  return { host: host && (canonicalAddress(host) ?? host.toLowerCase()), port };
}

/** A proxy is told where to connect to, which a program that does not know of it does not say. */
function requireClient(protocol: Protocol): void {
  if (protocol.client && protocol.name !== 'http-connect') return;
  throw new UsageError(`${protocol.name} is not for programs that connect`);
}

function isHost(host: string | undefined): boolean {
  if (host === undefined || isIP(host) !== 0) return true;
  const name = /^(?!-)[a-z0-9_-]{1,63}(?:\.(?!-)[a-z0-9_-]{1,63})*$/i;
  return name.test(host) && !/^[\d.]+$/.test(host);
}
