import { run } from '../processes.ts';
import { captured, startPeer, stayRoot } from './peer.ts';
import type { Place, Target } from './target.ts';

const program = '/usr/sbin/hitch';

export const hitch: Target = {
  id: 'hitch',
  title: 'hitch, defaults',
  setup: 'defaults',
  signatureDelay: 0,
  version,
  start: (place) => startPeer(place, configuration(place, []), command),
};

/** Large buffers, the only knob that hitch has for throughput. */
export const hitchTuned: Target = {
  ...hitch,
  id: 'hitch-tuned',
  title: 'hitch, tuned',
  setup: 'tuned',
  start: (place) => startPeer(place, configuration(place, ['ring-data-len = 262144']), command),
};

async function version(): Promise<string> {
  const { stdout, stderr } = await run([program, '--version']);
  return `hitch ${captured(stdout + stderr, /(\d+\.\d+\S*)/)}`;
}

function command(file: string): readonly string[] {
  return [program, `--config=${file}`];
}

function configuration(place: Place, tuning: readonly string[]): string {
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
${tuning.join('\n')}
`;
}
