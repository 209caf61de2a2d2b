import { run } from '../processes.ts';
import { captured, startPeer } from './peer.ts';
import type { Place, Target } from './target.ts';

const program = '/usr/bin/stunnel4';

/**
 * Its buffers are fixed at compile time, and larger ones of the sockets (`SO_RCVBUF`, `SO_SNDBUF`: 256 KiB)
 * made it slower: as good as it gets.
 */
export const stunnel: Target = {
  id: 'stunnel',
  title: 'stunnel',
  standsFor: ['defaults', 'tuned'],
  version,
  start: (place) =>
    startPeer(place, stunnelConfiguration(place, [], keyFile(place)), stunnelCommand),
};

async function version(): Promise<string> {
  const { stdout, stderr } = await run([program, '-version']);
  return `stunnel ${captured(stdout + stderr, /stunnel (\S+)/)}`;
}

export function stunnelCommand(file: string): readonly string[] {
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
