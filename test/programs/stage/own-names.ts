import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Record, record } from '../../core/wrap/names/dns-encoding.ts';
import { DnsServer } from '../../core/wrap/names/dns-server.ts';

/** An address of loopback that no other test has. */
export function freshAddress(): string {
  const byte = () => 1 + Math.floor(Math.random() * 250);
  return `127.${byte()}.${byte()}.${byte()}`;
}

/**
 * Names that only the programs of a scenario know, by a DNS server of their own and by their own /etc/hosts: seen
 * through a mount namespace, the machine's files stay as they are. Needs root.
 */
export class OwnNames implements AsyncDisposable {
  readonly folder: string;
  readonly #server: DnsServer;

  /** @param hosts lines of /etc/hosts */
  static async start(zone: readonly Record[], hosts: readonly string[] = []): Promise<OwnNames> {
    const server = await DnsServer.open(zone, { address: freshAddress(), port: 53 });
    return new OwnNames(server, hosts);
  }

  private constructor(server: DnsServer, hosts: readonly string[]) {
    this.#server = server;
    this.folder = mkdtempSync(join(tmpdir(), 'tlspool-names-'));
    const options = 'options timeout:3 attempts:5';
    this.#write('resolv.conf', `nameserver ${server.address}\n${options}\n`);
    this.#write('hosts', ['127.0.0.1 localhost', ...hosts, ''].join('\n'));
    this.#write('nsswitch.conf', 'hosts: files dns\n');
  }

  /** The command, in a mount namespace where these names are. */
  seenBy(command: readonly string[]): readonly string[] {
    const binds = ['resolv.conf', 'hosts', 'nsswitch.conf'].map(
      (file) => `mount --bind ${join(this.folder, file)} /etc/${file}`,
    );
    return [
      'unshare',
      '--mount',
      'sh',
      '-c',
      `${binds.join(' && ')} && exec "$@"`,
      'sh',
      ...command,
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text);
  }
}

export { record };
