import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * What python/data_thief.py says: its thief got nothing and put nothing, the server knew that something was amiss, and both
 * are served in sessions that descend from their own.
 */
export const stolenNothing = [
  "thief got b''",
  'owner is told 426',
  'stored 0',
  'owner fetched 3000000 True',
  'thief fetched 3000000 True',
  'owner fetched 3000000 True',
  '',
].join('\n');

/** Files of vsftpd for anonymous users, who may read `file` (3,000,000 bytes) and write below `in`. */
export class VsftpdFiles implements Disposable {
  readonly folder: string;
  static readonly size = 3_000_000;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'tlspool-vsftpd-'));
    for (const part of ['root', 'root/in', 'empty']) mkdirSync(join(this.folder, part));
    chmodSync(this.folder, 0o755);
    chmodSync(join(this.folder, 'root/in'), 0o777);
    writeFileSync(this.file, 'x'.repeat(VsftpdFiles.size));
  }

  get file(): string {
    return join(this.folder, 'root/file');
  }

  /** Bytes of what was stored as `in/NAME`. */
  stored(name: string): number {
    return readFileSync(join(this.folder, 'root/in', name)).length;
  }

  /** The command that serves them in the foreground. @param more lines of vsftpd.conf(5) */
  command(address: string, port: number, ...more: readonly string[]): readonly string[] {
    const configuration = [
      `listen=YES\nlisten_address=${address}\nlisten_port=${port}\nbackground=NO`,
      `anonymous_enable=YES\nanon_root=${this.folder}/root\nsecure_chroot_dir=${this.folder}/empty`,
      'write_enable=YES\nanon_upload_enable=YES\nno_anon_password=YES\nanon_umask=022',
      'connect_from_port_20=NO\nseccomp_sandbox=NO\nxferlog_enable=NO',
      ...more,
    ].join('\n');
    const file = join(this.folder, `vsftpd-${port}.conf`);
    writeFileSync(file, `${configuration}\n`);
    return ['/usr/sbin/vsftpd', file];
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
