import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { patience } from '../../patience.ts';

/** Commands run as PostgreSQL's own user, which it insists on. Takes root. */
export const asPostgres = [
  ...['setpriv', '--reuid', 'postgres', '--regid', 'postgres', '--clear-groups'],
];

/** Of the newest version that is there. */
export function postgresProgram(name: 'initdb' | 'postgres'): string {
  const [version = ''] = readdirSync('/usr/lib/postgresql').sort((a, b) => +b - +a);
  return join('/usr/lib/postgresql', version, 'bin', name);
}

/** A new database cluster below `folder`. @param access text of its pg_hba.conf @returns its folder */
export function initialise(folder: string, access: string): string {
  const data = join(folder, 'data');
  mkdirSync(data);
  chmodSync(folder, 0o711);
  execFileSync('chown', ['postgres', data], { timeout: patience });
  const [become = '', ...rest] = asPostgres;
  const initdb = [postgresProgram('initdb'), '-D', data, '-A', 'trust', '--no-sync'];
  execFileSync(become, [...rest, ...initdb], { cwd: data, stdio: 'pipe', timeout: patience });
  writeFileSync(join(data, 'pg_hba.conf'), access);
  return data;
}

/** What the server is told on its command line. */
export function settings(options: Readonly<Record<string, string>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
