import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exportAnchors } from '../../../src/core/authority/authorities.ts';
import { createAuthority } from '../../../src/core/authority/new-authority.ts';
import { openStore, type Store } from '../../../src/core/store/store.ts';
import { patience } from '../../patience.ts';
import { type SoftHsm, softHsm } from '../token/softhsm-fixture.ts';

/** A state folder with a token and a local CA, and OpenSSL to judge what comes out of it. */
export interface LocalCa extends AsyncDisposable {
  readonly hsm: SoftHsm;
  readonly store: Store;
  /** Path of the exported roots. */
  readonly roots: string;
  /** Writes DER or PEM to a file. */
  file(name: string, content: Buffer | string): string;
  openssl(...args: string[]): string;
}

export async function localCa(): Promise<LocalCa> {
  const hsm = await softHsm();
  const store = await openStore(hsm.folder, 'create');
  using session = hsm.open();
  await createAuthority(store, session);
  const file = (name: string, content: Buffer | string) => {
    const path = join(hsm.folder, name);
    writeFileSync(path, content);
    return path;
  };
  return {
    hsm,
    store,
    roots: file('ca.pem', await exportAnchors(store)),
    file,
    openssl: (...args) =>
      execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe', timeout: patience }),
    async [Symbol.asyncDispose]() {
      await store.close();
      hsm[Symbol.dispose]();
    },
  };
}
