import { isIP } from 'node:net';
import { UsageError } from '../../errors.ts';
import { canonicalAddress } from '../names/hosts-file.ts';

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
  return { ...parsePlace(text, 'HOST:PORT or PORT'), treatment: { kind: 'tls' } };
}

/** `[HOST:]PORT=PROTOCOL`; `protocols` are those that there are. */
export function parseClientStartTls(text: string, protocols: readonly string[]): ClientRule {
  const border = text.lastIndexOf('=');
  const protocol = text.slice(border + 1);
  if (border < 0 || !protocols.includes(protocol)) {
    throw new UsageError(
      `expected [HOST:]PORT=PROTOCOL, got \`${text}\``,
      `PROTOCOL is one of: ${protocols.join(', ')}`,
    );
  }
  const place = parsePlace(text.slice(0, border), '[HOST:]PORT=PROTOCOL');
  return { ...place, treatment: { kind: 'starttls', protocol } };
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

function isHost(host: string | undefined): boolean {
  if (host === undefined || isIP(host) !== 0) return true;
  const name = /^(?!-)[a-z0-9_-]{1,63}(?:\.(?!-)[a-z0-9_-]{1,63})*$/i;
  return name.test(host) && !/^[\d.]+$/.test(host);
}
