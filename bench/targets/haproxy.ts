import { run } from '../processes.ts';
import { captured, startPeer } from './peer.ts';
import type { Place, Target } from './target.ts';

const program = '/usr/sbin/haproxy';

export const haproxy: Target = {
  id: 'haproxy',
  title: 'haproxy, defaults',
  standsFor: ['defaults'],
  version,
  start: (place) => startPeer(place, configuration(place, []), command),
};

/** Large buffers, read until they are full. */
export const haproxyTuned: Target = {
  ...haproxy,
  id: 'haproxy-tuned',
  title: 'haproxy, tuned',
  standsFor: ['tuned'],
  start: (place) =>
    startPeer(
      place,
      configuration(place, [
        'tune.bufsize 262144',
        'tune.recv_enough 262144',
        'tune.listener.multi-queue on',
      ]),
      command,
    ),
};

async function version(): Promise<string> {
  const { stdout } = await run([program, '-v']);
  return `haproxy ${captured(stdout, /version (\S+)/)}`;
}

function command(file: string): readonly string[] {
  return [program, '-db', '-f', file];
}

function configuration(place: Place, tuning: readonly string[]): string {
  // A connection needs two descriptors, and haproxy some of its own.
  const connections = Math.floor((place.openFiles - 200) / 2);
  return `
global
  maxconn ${connections}
  ssl-default-bind-options ssl-min-ver TLSv1.3
  ${tuning.join('\n  ')}
defaults
  mode tcp
  maxconn ${connections}
  timeout connect 5s
  timeout client 10m
  timeout server 10m
listen tls
  bind 127.0.0.1:${place.port} ssl crt ${place.combined} backlog 4096
  server backend unix@${place.backend}
`;
}
