/**
 * Which PKCS #11 modules there are. Their paths come from the configuration, the store and an operator's
 * `--module`, never from a URI or a client of the pool (CVE-2023-38408).
 */
import { existsSync, statSync } from 'node:fs';
import { basename, isAbsolute, resolve } from 'node:path';
import { TlspoolError, UsageError } from '../errors.ts';

export interface ModuleConfig {
  /** Absolute path of the shared library. */
  readonly path: string;
  /**
   * SOFTHSM2_CONF for this module. SoftHSM reads the variable when the module is initialised, so whoever
   * opens it sets it right before and removes it right after: no child ever inherits it.
   */
  readonly softhsmConf?: string | undefined;
}

/** Where Debian, Fedora, Arch, Alpine and Homebrew put SoftHSM. */
const softHsmPaths: readonly string[] = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm2.so',
  '/usr/lib/libsofthsm2.so',
  '/usr/lib/pkcs11/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
];

/** @throws TlspoolError `no-softhsm`, which says what to install. */
export function findSoftHsm(paths: readonly string[] = softHsmPaths): string {
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) {
    throw new TlspoolError('no-softhsm', 'SoftHSM, which keeps the keys, is not installed', {
      hint: 'Install the package softhsm2 (Debian: apt install softhsm2; Fedora: dnf install softhsm), or use a token of your own: tlspool init --module PATH --token URI --pin-source file:PATH.',
    });
  }
  return found;
}

/**
 * A module that an operator names. SoftHSM's configuration is part of where its tokens are, so the one
 * that the operator's SOFTHSM2_CONF names is remembered with it.
 */
export function describeModule(path: string, softhsmConf: string | undefined): ModuleConfig {
  requireModule(path);
  const isSoftHsm = basename(path).startsWith('libsofthsm2');
  return isSoftHsm && softhsmConf !== undefined && softhsmConf !== ''
    ? { path, softhsmConf: resolve(softhsmConf) }
    : { path };
}

/** @throws UsageError for a relative path, TlspoolError `no-module` for a missing file. */
export function requireModule(path: string): string {
  if (!isAbsolute(path)) {
    throw new UsageError(`the path of a PKCS #11 module must be absolute, got \`${path}\``);
  }
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    throw new TlspoolError('no-module', `there is no PKCS #11 module at ${path}`, {
      hint: 'Check the path; `p11-kit list-modules` shows the modules of this machine.',
    });
  }
  return path;
}
