import { run } from '../processes.ts';
import { captured, startPeer } from './peer.ts';
import type { Place, Target } from './target.ts';

const program = '/usr/bin/stunnel4';

export const stunnel: Target = {
  id: 'stunnel',
  title: 'stunnel, defaults',
  setup: 'defaults',
  signatureDelay: 0,
  version,
  start: (place) => startPeer(place, stunnelConfiguration(place, [], keyFile(place)), command),
};

/** Its buffers are fixed at compile time; what is left is the size of the sockets' own. */
export const stunnelTuned: Target = {
  ...stunnel,
  id: 'stunnel-tuned',
  title: 'stunnel, tuned',
  setup: 'tuned',
  start: (place) =>
    startPeer(
      place,
      stunnelConfiguration(
        place,
        ['l', 'r'].flatMap((side) => [
          `socket = ${side}:SO_RCVBUF=262144`,
          `socket = ${side}:SO_SNDBUF=262144`,
        ]),
        keyFile(place),
      ),
      command,
    ),
};

async function version(): Promise<string> {
  const { stdout, stderr } = await run([program, '-version']);
  return `stunnel ${captured(stdout + stderr, /stunnel (\S+)/)}`;
}

function command(file: string): readonly string[] {
  return [program, file];
}

function keyFile(place: Place): readonly string[] {
  return [`key = ${place.privateKey}`];
}

/** `global` and `service` are lines for the two parts of the file. */
export function stunnelConfiguration(
  place: Place,
  global: readonly string[],
  service: readonly string[],
): string {
  return `
foreground = yes
pid =
debug = err
${global.join('\n')}
[tls]
accept = 127.0.0.1:${place.port}
connect = ${place.backend}
cert = ${place.certificate}
sslVersionMin = TLSv1.3
${service.join('\n')}
`;
}
