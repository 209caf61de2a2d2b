import { connect, type PoolConnection } from '../../../src/client/index.ts';
import { OwnCa } from './own-ca.ts';
import { Pool } from './pool.ts';
import { Renewable, type Terms } from './renewable.ts';

/** Who they are, on both sides. */
export const names = {
  /** Our servers. */
  shop: 'shop.example.com',
  www: 'www.example.com',
  /** Our client. */
  john: 'john@example.com',
  /** A client of another make, whom the pool believes. */
  mary: 'mary@example.com',
  /** A client of another make, whom it does not. */
  eve: 'eve@example.net',
  /** A server of another make. */
  server: 'server.example.org',
} as const;

/** A pool, a program, and programs of other makes with whom its sessions are renewed. */
export class RenewalStage implements AsyncDisposable {
  readonly pool: Pool;
  readonly program: PoolConnection;
  readonly #clients: OwnCa;
  readonly #servers: OwnCa;

  static async set(): Promise<RenewalStage> {
    const { shop, www, john } = names;
    const pool = await Pool.serving([[www], [shop], [john, '--role', 'client']]);
    const [clients, servers] = [new OwnCa(), new OwnCa()];
    await pool.command('trust', 'add', clients.file, '--role', 'client', '--for', '@example.com');
    await pool.command('trust', 'add', servers.file, '--role', 'server');
    const program = await connect({ socket: pool.socket });
    await program.ping();
    return new RenewalStage(pool, program, clients, servers);
  }

  private constructor(pool: Pool, program: PoolConnection, clients: OwnCa, servers: OwnCa) {
    this.pool = pool;
    this.program = program;
    this.#clients = clients;
    this.#servers = servers;
  }

  /** Our server, and `openssl s_client`. */
  openSslClient(more: readonly string[], terms?: Terms): Promise<Renewable> {
    const command = (port: number) => [
      ...['openssl', 's_client', '-connect', `127.0.0.1:${port}`, '-servername', names.www],
      ...['-CAfile', this.pool.caFile, '-brief', ...more],
    ];
    return Renewable.server(this.program, names.www, command, terms);
  }

  /** Our server, and `gnutls-cli` with TLS 1.2. @param priority more of what it can and cannot */
  gnuTlsClient(priority: string, more: readonly string[] = []): Promise<Renewable> {
    const command = (port: number) => [
      ...['gnutls-cli', '--port', String(port), '--sni-hostname', names.www],
      ...['--verify-hostname', names.www, '--x509cafile', this.pool.caFile],
      ...['--priority', `NORMAL:-VERS-ALL:+VERS-TLS1.2${priority}`, ...more, '127.0.0.1'],
    ];
    return Renewable.server(this.program, names.www, command);
  }

  /** Our client, and `openssl s_server`. */
  openSslServer(more: readonly string[], terms?: Terms): Promise<Renewable> {
    const { key, cert } = this.#servers.issue(names.server);
    const command = (port: number) => [
      ...['openssl', 's_server', '-accept', `127.0.0.1:${port}`, '-key', key, '-cert', cert],
      ...['-CAfile', this.pool.caFile, ...more],
    ];
    return Renewable.client(this.program, names.server, command, terms);
  }

  /** Our client, and `gnutls-serv`, which echoes. */
  gnuTlsServer(version: '1.2' | '1.3', terms?: Terms): Promise<Renewable> {
    const { key, cert } = this.#servers.issue(names.server);
    const command = (port: number) => [
      ...['gnutls-serv', '--port', String(port), '--x509keyfile', key, '--x509certfile', cert],
      ...['--x509cafile', this.pool.caFile, '--echo'],
      ...['--priority', `NORMAL:-VERS-ALL:+VERS-TLS${version}`],
    ];
    return Renewable.client(this.program, names.server, command, terms);
  }

  /** Options by which `openssl` shows who a client is. */
  shownToOpenSsl(user: string): string[] {
    const { key, cert } = this.#clients.issue(user);
    return ['-cert', cert, '-key', key];
  }

  shownToGnuTls(user: string): string[] {
    const { key, cert } = this.#clients.issue(user);
    return ['--x509certfile', cert, '--x509keyfile', key];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.program.close();
    await this.pool[Symbol.asyncDispose]();
    this.#clients[Symbol.dispose]();
    this.#servers[Symbol.dispose]();
  }
}
