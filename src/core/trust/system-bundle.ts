import { readFile } from 'node:fs/promises';
import { systemReason, TlspoolError } from '../errors.ts';
import { pemCertificates } from '../identity/pem.ts';
import { formatSelector, type Selector } from '../identity/selector.ts';
import type { Store } from '../store/store.ts';
import { type Anchor, addAnchor, describeAnchor, listAnchors, removeAnchor } from './anchors.ts';

/** Where distributions keep the CAs that they trust. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Ubuntu, Arch, Gentoo
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', // Fedora, RHEL
  '/etc/ssl/ca-bundle.pem', // SUSE
  '/etc/ssl/cert.pem', // Alpine
];

export interface BundleChange {
  readonly path: string;
  readonly added: number;
  /** Were anchors of the bundle, and are in it no more. */
  readonly removed: number;
  /** Were anchors before, of the bundle or by the operator's own word. */
  readonly kept: number;
  /** Cannot vouch for anyone: expired, no CA. */
  readonly skipped: number;
}

/**
 * Makes the system's CAs anchors for servers, as they are now; done again, it follows the system's changes. Throws
 * TlspoolError `no-system-bundle`.
 */
export async function followSystemBundle(
  store: Store,
  selectors: readonly Selector[],
  paths: readonly string[] = SYSTEM_BUNDLES,
): Promise<BundleChange> {
  const bundle = await readBundle(paths);
  const usable = bundle.certificates.filter(canVouch);
  const wanted = new Map(usable.map((der) => [describeAnchor(der).fingerprint, der]));
  return store.transaction(async (transaction) => {
    const present = new Map(
      (await listAnchors(transaction)).map((each) => [each.fingerprint, each]),
    );
    const stale = [...present.values()].filter(
      (anchor) => anchor.source === 'system' && !isCurrent(anchor, wanted, selectors),
    );
    for (const anchor of stale) {
      await removeAnchor(transaction, anchor);
      present.delete(anchor.fingerprint);
    }
    const missing = [...wanted].filter(([fingerprint]) => !present.has(fingerprint));
    for (const [, certificate] of missing) {
      await addAnchor(transaction, { certificate, role: 'server', selectors, source: 'system' });
    }
    return {
      path: bundle.path,
      added: missing.length,
      removed: stale.filter(({ fingerprint }) => !wanted.has(fingerprint)).length,
      kept: wanted.size - missing.length,
      skipped: bundle.certificates.length - usable.length,
    };
  });
}

/** Takes all of the system's CAs out again. Returns how many there were. */
export async function forgetSystemBundle(store: Store): Promise<number> {
  return store.transaction(async (transaction) => {
    const anchors = (await listAnchors(transaction)).filter(({ source }) => source === 'system');
    for (const anchor of anchors) await removeAnchor(transaction, anchor);
    return anchors.length;
  });
}

async function readBundle(
  paths: readonly string[],
): Promise<{ path: string; certificates: Buffer[] }> {
  for (const path of paths) {
    const text = await readFile(path, 'latin1').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw noBundle(`${path} cannot be read: ${systemReason(error)}`, error);
    });
    if (text !== undefined) return { path, certificates: pemCertificates(text) };
  }
  throw noBundle(`this system has no bundle of CAs: none of ${paths.join(', ')}`);
}

function noBundle(message: string, cause?: unknown): TlspoolError {
  return new TlspoolError('no-system-bundle', message, {
    hint: 'Install the package ca-certificates.',
    cause,
  });
}

function canVouch(certificate: Buffer): boolean {
  try {
    describeAnchor(certificate);
    return true;
  } catch (error) {
    if (error instanceof TlspoolError && error.code === 'unusable-anchor') return false;
    throw error;
  }
}

function isCurrent(
  anchor: Anchor,
  wanted: ReadonlyMap<string, Buffer>,
  selectors: readonly Selector[],
): boolean {
  const same = anchor.selectors.map(formatSelector).join() === selectors.map(formatSelector).join();
  return same && wanted.has(anchor.fingerprint);
}
