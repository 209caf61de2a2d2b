import { run } from '../processes.ts';
import { captured, startPeer, stayRoot } from './peer.ts';
import type { Place, Target } from './target.ts';

const program = '/usr/sbin/hitch';

/**
 * Its own buffers cannot be configured (32 KiB), and larger ones of the sockets (`recv-bufsize`,
 * `send-bufsize`: 256 KiB) made no difference: as good as it gets.
 */
export const hitch: Target = {
  id: 'hitch',
  title: 'hitch',
  standsFor: ['defaults', 'tuned'],
  version,
  start: (place) => startPeer(place, configuration(place), command),
};

async function version(): Promise<string> {
  const { stdout, stderr } = await run([program, '--version']);
  return `hitch ${captured(stdout + stderr, /(\d+\.\d+\S*)/)}`;
}

function command(file: string): readonly string[] {
  return [program, `--config=${file}`];
}

function configuration(place: Place): string {
  return `
frontend = "[127.0.0.1]:${place.port}"
backend = "${place.backend}"
pem-file = "${place.combined}"
tls-protos = TLSv1.3
workers = ${place.cores}
backlog = 4096
daemon = off
${stayRoot('user = "root"')}
log-level = 0
ocsp-dir = ""
`;
}
