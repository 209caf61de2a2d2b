import { closeFd } from '../engine/sockets.ts';
import { UsageError } from '../errors.ts';
import { formatHostAndPort, type ListenAddress, parseListenAddress } from '../tunnel/endpoint.ts';
import { listenAt } from '../tunnel/listen.ts';
import type { ActivatedSocket } from './activation.ts';

/** One `--listen`: where the public comes in, and how the program's socket for it is called. */
export type ListenOrder =
  | { readonly from: 'address'; readonly name: string | undefined; readonly address: ListenAddress }
  | {
      readonly from: 'activation';
      readonly name: string | undefined;
      /** FileDescriptorName; undefined: every socket that was passed. */
      readonly activated: string | undefined;
    };

/** What the public connects to; the program gets one socket for each. */
export interface PublicListener {
  /** For LISTEN_FDNAMES. */
  readonly name: string;
  /** Several when a host name has several addresses. */
  readonly fds: readonly number[];
}

/** `[NAME=]ADDR:PORT`, or `[NAME=]@[ACTIVATED]` for sockets passed by socket activation. */
export function parseListenOrder(text: string): ListenOrder {
  const border = text.indexOf('=');
  const name = border < 0 ? undefined : checkName(text.slice(0, border));
  const place = text.slice(border + 1);
  if (place.startsWith('@')) {
    return { from: 'activation', name, activated: place.slice(1) || undefined };
  }
  return { from: 'address', name, address: parseListenAddress(place) };
}

/**
 * Opens what `orders` say. An address that socket activation passed a socket for is taken from there. A
 * passed socket that no order takes is an error: its clients would wait forever.
 */
export async function openPublicListeners(
  orders: readonly ListenOrder[],
  activated: readonly ActivatedSocket[],
): Promise<PublicListener[]> {
  const left = new Set(activated);
  const opened: PublicListener[] = [];
  try {
    for (const order of orders) opened.push(...(await open(order, left)));
    if (left.size > 0) throw unused(left);
    return opened;
  } catch (error) {
    for (const { fds } of opened) fds.forEach(closeFd);
    throw error;
  }
}

/** The name systemd uses for sockets without one. */
const nameless = 'unknown';

/** sd_listen_fds_with_names(3): ASCII without control characters and colons, at most 255 bytes. */
function checkName(name: string): string {
  if (/^[\x20-\x39\x3b-\x7e]{1,255}$/.test(name)) return name;
  throw new UsageError(
    `expected a socket's name of 1 to 255 printable ASCII characters without colons, got \`${name}\``,
  );
}

async function open(order: ListenOrder, left: Set<ActivatedSocket>): Promise<PublicListener[]> {
  if (order.from === 'activation') return take(order, left);
  const passed = [...left].filter((socket) => isAt(socket, order.address));
  if (passed.length === 0) {
    return [{ name: order.name ?? nameless, fds: await listenAt(order.address) }];
  }
  for (const socket of passed) left.delete(socket);
  return [{ name: order.name ?? passed[0]?.name ?? nameless, fds: passed.map(({ fd }) => fd) }];
}

function take(
  order: ListenOrder & { from: 'activation' },
  left: Set<ActivatedSocket>,
): PublicListener[] {
  const found = [...left].filter(
    ({ name }) => order.activated === undefined || name === order.activated,
  );
  if (found.length === 0) {
    const which =
      order.activated === undefined ? 'no socket' : `no socket named ${order.activated}`;
    throw new UsageError(`socket activation passed ${which} to this process`);
  }
  for (const socket of found) left.delete(socket);
  return found.map(({ fd, name }) => ({ name: order.name ?? name, fds: [fd] }));
}

function isAt({ local }: ActivatedSocket, { host, port }: ListenAddress): boolean {
  if (!local || local.port !== port) return false;
  return local.address === host || (host === '*' && ['::', '0.0.0.0'].includes(local.address));
}

function unused(sockets: Iterable<ActivatedSocket>): UsageError {
  const list = [...sockets].map(({ name, local }) =>
    local ? `${name} (${formatHostAndPort({ host: local.address, port: local.port })})` : name,
  );
  return new UsageError(
    `socket activation passed sockets that no --listen takes: ${list.join(', ')}`,
    'Take each with --listen @NAME, or all with --listen @',
  );
}
