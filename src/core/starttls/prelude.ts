import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { UsageError } from '../errors.ts';
import { contact, type Dialog, secureBehind, type Talk } from './dialog.ts';
import { readProxyHeader } from './proxy-protocol.ts';

/** Addresses whose PROXY headers are believed: `192.0.2.1`, `2001:db8::/32`. @throws UsageError */
export function parseProxies(texts: readonly string[]): BlockList | undefined {
  if (texts.length === 0) return undefined;
  const list = new BlockList();
  for (const text of texts) {
    const [address = '', bits, ...more] = text.split('/');
    const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
    const widest = family === 'ipv4' ? 32 : 128;
    const length = bits === undefined ? widest : Number(/^\d{1,3}$/.exec(bits)?.[0]);
    if (family === undefined || more.length > 0 || !(length <= widest)) {
      throw new UsageError(`expected an address or ADDRESS/BITS, got \`${text}\``);
    }
    list.addSubnet(address, length, family);
  }
  return list;
}

/** Whoever connects from one of `proxies` says first whom it speaks for; all others are who they are. */
export function behindProxies(
  proxies: BlockList | undefined,
  dialog: (talk: Talk) => Dialog,
): (talk: Talk) => Dialog {
  if (!proxies) return dialog;
  return function* (talk) {
    const { address } = talk.ends.source;
    if (proxies.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')) {
      const ends = yield* readProxyHeader(talk.peer);
      if (ends) talk.ends = ends;
    }
    return yield* dialog(talk);
  };
}

/** TLS from the first byte on. */
export function* noDialog(talk: Talk): Dialog {
  yield* secureBehind();
  yield* contact(talk);
  return 'leave';
}
