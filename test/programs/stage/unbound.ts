import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import dnsPacket from 'dns-packet';
import { until } from '../../patience.ts';
import { freePort } from './ports.ts';
import { Running } from './running.ts';

export interface Zone {
  /** Lines of a zone file, names relative to the zone. */
  readonly records: readonly string[];
  /** `signed` by a key that the resolver trusts; `unsigned`, which DNSSEC allows; `stale`: its signatures have expired. */
  readonly is: 'signed' | 'unsigned' | 'stale';
}

/** A resolver on loopback that validates DNSSEC, with zones of its own and no way to any other. */
export class Unbound implements AsyncDisposable {
  readonly port: number;
  readonly #running: Running;

  static async start(folder: string, zones: Readonly<Record<string, Zone>>): Promise<Unbound> {
    const port = await freePort();
    const anchors = Object.entries(zones).flatMap(([name, zone]) => make(folder, name, zone));
    const settings = [
      'server:',
      `  directory: "${folder}"`,
      ...['chroot', 'username', 'pidfile', 'logfile'].map((name) => `  ${name}: ""`),
      '  use-syslog: no',
      '  interface: 127.0.0.1',
      `  port: ${port}`,
      '  module-config: "validator iterator"',
      ...anchors.map((file) => `  trust-anchor-file: "${file}"`),
      'remote-control:',
      '  control-enable: no',
      ...Object.keys(zones).flatMap((name) => [
        'auth-zone:',
        `  name: "${name}"`,
        `  zonefile: "${name}.zone"`,
        '  for-downstream: no',
        '  for-upstream: yes',
        '  fallback-enabled: no',
      ]),
      '',
    ];
    const file = join(folder, 'unbound.conf');
    writeFileSync(file, settings.join('\n'));
    const unbound = new Unbound(port, new Running('/usr/sbin/unbound', ['-d', '-c', file]));
    await unbound.#ready(Object.keys(zones)[0] ?? '.');
    return unbound;
  }

  private constructor(port: number, running: Running) {
    this.port = port;
    this.#running = running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
  }

  async #ready(name: string): Promise<void> {
    await until('an answer of unbound', async () => {
      const { child, stderr } = this.#running;
      if (child.exitCode !== null) throw new Error(`unbound does not serve: ${stderr}`);
      return await this.#answers(name);
    });
  }

  #answers(name: string): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const socket = createSocket('udp4');
    const query = dnsPacket.encode({ type: 'query', id: 7, questions: [{ type: 'SOA', name }] });
    socket.on('message', () => resolve(true)).on('error', () => resolve(false));
    socket.connect(this.port, '127.0.0.1', () => socket.send(query));
    const late = setTimeout(() => resolve(false), 500);
    return promise.finally(() => {
      clearTimeout(late);
      socket.close();
    });
  }
}

/** Writes the zone; returns the file of its trust anchor, if it has one. */
function make(folder: string, name: string, { records, is }: Zone): string[] {
  const plain = is === 'unsigned' ? `${name}.zone` : `${name}.plain`;
  const lines = [
    `$ORIGIN ${name}.`,
    '$TTL 600',
    '@ SOA ns hostmaster 1 3600 600 86400 300',
    '@ NS ns',
    'ns A 127.0.0.1',
    ...records,
    '',
  ];
  writeFileSync(join(folder, plain), lines.join('\n'));
  if (is === 'unsigned') return [];
  const tool = (file: string, ...args: string[]) =>
    execFileSync(file, args, { cwd: folder, encoding: 'utf8', timeout: 60_000 }).trim();
  const key = tool('ldns-keygen', '-k', '-r', '/dev/urandom', '-a', 'ECDSAP256SHA256', name);
  const times = is === 'stale' ? ['-i', '20200101', '-e', '20200201'] : [];
  tool('ldns-signzone', ...times, '-f', `${name}.zone`, plain, key);
  return [`${key}.ds`];
}
