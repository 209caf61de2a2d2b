import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listening } from './ports.ts';
import { asPostgres, initialise, postgresProgram, settings } from './postgresql.ts';
import { Running } from './running.ts';

/** Where a server listens, and the files of its key and certificate. */
export interface OthersPlace {
  readonly address: string;
  readonly port: number;
  readonly key: string;
  readonly cert: string;
}

/** A server that speaks TLS itself, of another make than ours. Needs root. */
export class OthersServer implements AsyncDisposable {
  readonly place: OthersPlace;
  readonly running: Running;
  readonly #folder: string;

  private constructor(place: OthersPlace, folder: string, running: Running) {
    this.place = place;
    this.#folder = folder;
    this.running = running;
  }

  get port(): number {
    return this.place.port;
  }

  /** Redis, which speaks TLS from the first byte on. */
  static redis(place: OthersPlace): Promise<OthersServer> {
    const { address, port, key, cert } = place;
    return OthersServer.#start(place, (folder) => [
      ...['redis-server', '--port', '0', '--tls-port', `${port}`, '--bind', address],
      ...['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert],
      ...['--tls-auth-clients', 'no', '--save', '', '--dir', folder],
    ]);
  }

  /** PostgreSQL, which lets nobody in without TLS. */
  static postgres(place: OthersPlace): Promise<OthersServer> {
    const { address, port } = place;
    return OthersServer.#start(place, (folder) => {
      const data = initialise(folder, 'hostssl all all all trust\n');
      for (const file of ['key', 'cert'] as const) copyFileSync(place[file], join(folder, file));
      chmodSync(join(folder, 'key'), 0o600);
      execFileSync('chown', ['postgres', join(folder, 'key'), join(folder, 'cert')]);
      const options = {
        listen_addresses: address,
        port: `${port}`,
        unix_socket_directories: '',
        ssl: 'on',
        ssl_key_file: join(folder, 'key'),
        ssl_cert_file: join(folder, 'cert'),
        fsync: 'off',
      };
      return [...asPostgres, postgresProgram('postgres'), '-D', data, ...settings(options)];
    });
  }

  /** Python's aiosmtpd, which takes mail for anybody, only with TLS, and prints it. */
  static smtpd(place: OthersPlace): Promise<OthersServer> {
    const { address, port, key, cert } = place;
    return OthersServer.#start(place, () => [
      ...['/usr/bin/python3', '-u', '-m', 'aiosmtpd', '-n', '-l', `${address}:${port}`],
      ...['--tlscert', cert, '--tlskey', key],
    ]);
  }

  static async #start(
    place: OthersPlace,
    prepare: (folder: string) => readonly string[],
  ): Promise<OthersServer> {
    const folder = mkdtempSync(join(tmpdir(), 'tlspool-others-'));
    try {
      const [command = '', ...args] = prepare(folder);
      const running = new Running(command, args, { cwd: folder });
      try {
        await listening(place.port, running, place.address);
        return new OthersServer(place, folder, running);
      } catch (error) {
        await running[Symbol.asyncDispose]();
        throw error;
      }
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.running[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
