import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './ports.ts';

export interface NginxManner {
  /** What it serves. */
  readonly root: string;
  /** Where it keeps all else. */
  readonly folder: string;
  /** It goes into the background. */
  readonly daemon?: boolean;
  /** File, and lines of it as `log_format` has them. */
  readonly log?: { readonly file: string; readonly format: string };
}

/** A plain HTTP server with two workers, as root so that it needs no user of its own. */
export async function nginx({ root, folder, daemon = false, log }: NginxManner) {
  const port = await freePort();
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const pidFile = join(folder, 'nginx.pid');
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `
daemon ${daemon ? 'on' : 'off'}; worker_processes 2; user root;
pid ${pidFile}; error_log ${daemon ? join(folder, 'error.log') : 'stderr'};
events {}
http {
  ${log ? `log_format own "${log.format}"; access_log ${log.file} own;` : 'access_log off;'}
  ${kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ')}
  server { listen 127.0.0.1:${port}; root ${root}; }
}
`,
  );
  // It starts itself anew by this path.
  const command = ['/usr/sbin/nginx', '-c', file, ...(daemon ? [] : ['-e', 'stderr'])];
  return { port, command, pidFile };
}
