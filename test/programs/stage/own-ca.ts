import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { patience } from '../../patience.ts';

/** A CA outside the pool, for servers that others run. */
export class OwnCa implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'tlspool-ca-'));
  /** The CA's certificate, PEM. */
  readonly file = join(this.folder, 'ca.pem');

  constructor() {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const files = ['-keyout', this.#file('ca.key'), '-out', this.file];
    openssl('req', '-x509', ...key, ...files, '-subj', '/CN=Others', '-days', '2');
  }

  /** Key and certificate of a server, or of a user as client; PEM files. */
  issue(name: string): { readonly key: string; readonly cert: string } {
    const [key, request, cert] = ['key', 'csr', 'pem'].map((end) =>
      this.#file(`${name}.${end}`),
    ) as [string, string, string];
    const keyKind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    openssl('req', ...keyKind, '-keyout', key, '-out', request, '-subj', `/CN=${name}`);
    const extensions = this.#file(`${name}.ext`);
    const [kind, usage] = name.includes('@') ? ['email', 'clientAuth'] : ['DNS', 'serverAuth'];
    writeFileSync(extensions, `subjectAltName=${kind}:${name}\nextendedKeyUsage=${usage}\n`);
    const by = ['-CA', this.file, '-CAkey', this.#file('ca.key'), '-CAcreateserial'];
    const out = ['-extfile', extensions, '-days', '2', '-out', cert];
    openssl('x509', '-req', '-in', request, ...by, ...out);
    return { key, cert };
  }

  /** The same, read. */
  credential(name: string): { readonly key: Buffer; readonly cert: Buffer } {
    const { key, cert } = this.issue(name);
    return { key: readFileSync(key), cert: readFileSync(cert) };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #file(name: string): string {
    return join(this.folder, name);
  }
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: patience });
}
