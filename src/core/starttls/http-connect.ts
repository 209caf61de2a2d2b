import {
  type ClientPolicy,
  contact,
  type Dialog,
  type Protocol,
  requireNothingBehind,
  secure,
  type Talk,
} from './dialog.ts';
import { DialogEnd } from './dialog-end.ts';
import { refusedByServer, shown } from './refusals.ts';

/*
 * TLS behind an HTTP proxy's CONNECT (RFC 9110 section 9.3.6).
 *
 * | rule | how it is kept |
 * |---|---|
 * | RFC 9110 §9.3.6: the target is HOST:PORT, and Host repeats it | so |
 * | §9.3.6: any 2xx is success, and has no content | others end our client's connection; so does what is behind the head (injection) |
 * | §9.3.6: a proxy accepts CONNECT for targets of its own choice | our server takes it for whatever is behind it; TLS then shows who that is |
 * | §15.5.6: 405 names the methods that are allowed | to all but CONNECT |
 * | RFC 9112 §2.1, §5: a head has an end, and a limit | 16 KiB |
 */
export const httpConnect: Protocol = {
  name: 'http-connect',
  service: 'https',
  serverFirst: false,
  server,
  client,
  neverOptional: 'what is behind CONNECT is TLS',
};

const longestHead = 16_384;

function* server(talk: Talk): Dialog {
  const { peer } = talk;
  const head = yield* peer.through('\r\n\r\n', longestHead);
  const [line = ''] = head.split('\r\n');
  if (!/^CONNECT \S+:\d{1,5} HTTP\/1\.[01]$/.test(line)) {
    const wrong = line.startsWith('CONNECT ') ? '400 Bad Request' : '405 Method Not Allowed';
    peer.send(
      `HTTP/1.1 ${wrong}\r\nAllow: CONNECT\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    );
    throw new DialogEnd('starttls-refused', `the peer did not ask to be connected: ${shown(line)}`);
  }
  requireNothingBehind(peer);
  peer.send('HTTP/1.1 200 Connection established\r\n\r\n');
  yield* secure(talk);
  yield* contact(talk);
  return 'leave';
}

function* client(talk: Talk, { destination }: ClientPolicy): Dialog {
  const { peer } = talk;
  peer.send(`CONNECT ${destination} HTTP/1.1\r\nHost: ${destination}\r\n\r\n`);
  const head = yield* peer.through('\r\n\r\n', longestHead);
  const [line = ''] = head.split('\r\n');
  if (!/^HTTP\/1\.[01] 2\d\d(?: |$)/.test(line)) throw refusedByServer('CONNECT', line);
  yield* secure(talk);
  yield* contact(talk);
  return 'leave';
}
