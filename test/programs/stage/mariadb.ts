import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OwnCa } from './own-ca.ts';
import { freePort, listening } from './ports.ts';
import { Running, run } from './running.ts';

/** A MariaDB server with data of its own. It would do TLS itself if it were asked for it. */
export class MariaDb implements AsyncDisposable {
  static readonly password = 'correct horse';
  readonly port: number;
  /** What its certificate, for `localhost`, is verified with. */
  readonly caFile: string;
  readonly #parts: AsyncDisposableStack;

  /** @param users by their log-in method, an authentication plugin of the server's */
  static async start(users: Readonly<Record<string, string>>): Promise<MariaDb> {
    await using parts = new AsyncDisposableStack();
    const folder = mkdtempSync(join(tmpdir(), 'tlspool-mariadb-'));
    parts.defer(() => rmSync(folder, { recursive: true, force: true }));
    const data = join(folder, 'data');
    const made = await run('mariadb-install-db', [
      ...['--no-defaults', `--datadir=${data}`, '--skip-test-db', '--user=root'],
      '--auth-root-authentication-method=normal',
    ]);
    if (made.code !== 0) throw new Error(made.stdout + made.stderr);
    const ca = parts.use(new OwnCa());
    const { key, cert } = ca.issue('localhost');
    const sql = Object.entries(users).map(
      ([user, plugin]) =>
        `CREATE USER '${user}'@'%' IDENTIFIED VIA ${plugin} USING PASSWORD('${MariaDb.password}');`,
    );
    const initial = join(folder, 'users.sql');
    writeFileSync(initial, `INSTALL SONAME 'auth_ed25519';\n${sql.join('\n')}\n`);
    const port = await freePort();
    const server = parts.use(
      new Running('mariadbd', [
        ...['--no-defaults', `--datadir=${data}`, '--user=root', `--init-file=${initial}`],
        ...['--bind-address=127.0.0.1', `--port=${port}`, `--socket=${join(folder, 'sock')}`],
        ...[`--ssl-cert=${cert}`, `--ssl-key=${key}`, `--pid-file=${join(folder, 'pid')}`],
        '--skip-name-resolve',
      ]),
    );
    await listening(port, server);
    return new MariaDb(port, ca.file, parts.move());
  }

  private constructor(port: number, caFile: string, parts: AsyncDisposableStack) {
    this.port = port;
    this.caFile = caFile;
    this.#parts = parts;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.disposeAsync();
  }
}
