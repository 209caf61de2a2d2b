import { run } from '../processes.ts';
import { captured, startPeer, stayRoot } from './peer.ts';
import type { Place, Target } from './target.ts';

const program = '/usr/sbin/nginx';

export const nginx: Target = {
  id: 'nginx',
  title: 'nginx stream, defaults',
  standsFor: ['defaults'],
  version,
  start: (place) => startPeer(place, configuration(place, [], ''), command),
};

/** Large buffers; a listening socket per worker, so that connections spread evenly. */
export const nginxTuned: Target = {
  ...nginx,
  id: 'nginx-tuned',
  title: 'nginx stream, tuned',
  standsFor: ['tuned'],
  start: (place) =>
    startPeer(place, configuration(place, ['proxy_buffer_size 256k;'], 'reuseport'), command),
};

async function version(): Promise<string> {
  const { stderr } = await run([program, '-V']);
  return `nginx ${captured(stderr, /nginx\/(\S+)/)}`;
}

function command(file: string): readonly string[] {
  return [program, '-c', file];
}

function configuration(place: Place, tuning: readonly string[], listen: string): string {
  return `
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
${stayRoot('user root;')}
worker_processes ${place.cores};
worker_rlimit_nofile ${place.openFiles};
pid ${place.directory}/pid;
error_log stderr error;
events { worker_connections ${place.openFiles}; }
stream {
  server {
    listen 127.0.0.1:${place.port} ssl backlog=4096 ${listen};
    ssl_certificate ${place.certificate};
    ssl_certificate_key ${place.privateKey};
    ssl_protocols TLSv1.3;
    proxy_pass unix:${place.backend};
    ${tuning.join('\n    ')}
  }
}
`;
}
