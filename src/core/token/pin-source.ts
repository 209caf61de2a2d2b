/**
 * Where a token's PIN comes from: a file that only its owner reads, or a systemd credential. Never a flag,
 * a variable or a URI.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { systemReason, TlspoolError, UsageError } from '../errors.ts';

export type PinSource =
  /** Absolute path. */
  | { readonly kind: 'file'; readonly path: string }
  /** Name of a systemd credential: LoadCredential= or LoadCredentialEncrypted= of the service. */
  | { readonly kind: 'credential'; readonly name: string };

/** CK_TOKEN_INFO allows more, no token in use does. In bytes. */
const LONGEST_PIN = 255;

/** `file:/path` or `credential:name`. @throws UsageError */
export function parsePinSource(text: string): PinSource {
  const [, kind, value = ''] = /^(file|credential):(.*)$/s.exec(text) ?? [];
  if (kind === 'file') {
    const path = value.startsWith('///') ? value.slice(2) : value;
    if (!isAbsolute(path) || path.includes('\0')) {
      throw new UsageError('the path of a PIN file must be absolute', 'like file:/etc/tlspool/pin');
    }
    return { kind, path };
  }
  if (kind === 'credential') {
    // systemd's own rule for names, which keeps them inside the folder.
    if (!/^[A-Za-z0-9_.@-]{1,255}$/.test(value) || value === '.' || value === '..') {
      throw new UsageError('a credential has a name of letters, digits, `_`, `.`, `@` and `-`');
    }
    return { kind, name: value };
  }
  // What was given is not repeated: it may be the PIN itself.
  throw new UsageError(
    'a PIN source is `file:/path` or `credential:name`; it is never the PIN',
    'For a PIN that people type: tlspool tokens init --token URI --pin-source ask',
  );
}

/** A file that a flag names, which may be relative to where the command runs. */
export function fileSource(path: string | undefined): PinSource | undefined {
  return path === undefined ? undefined : { kind: 'file', path: resolve(path) };
}

export function formatPinSource(source: PinSource): string {
  return source.kind === 'file' ? `file:${source.path}` : `credential:${source.name}`;
}

/**
 * The PIN as it stands in the source, without one trailing newline. The caller wipes it.
 * Credentials are looked for in `credentialsDirectory`, which systemd names to the service.
 * @throws TlspoolError `pin-unreadable`, `pin-exposed`, `pin-malformed`
 */
export async function readPin(
  source: PinSource,
  credentialsDirectory = process.env.CREDENTIALS_DIRECTORY,
): Promise<Buffer> {
  const path = pinPath(source, credentialsDirectory);
  const file = await openPin(path);
  try {
    const stats = await file.stat();
    // systemd lets a service read its credentials by an ACL, whose mask shows as the group's bits.
    requirePrivate(path, stats, source.kind === 'file' ? 0o077 : 0o007);
    return await readLine(file, path);
  } finally {
    await file.close();
  }
}

/**
 * Keeps a new PIN in a file of mode 0600 that must not exist; it is on the disk before a token gets it.
 * @throws TlspoolError `pin-file-exists`; system errors
 */
export async function createPinFile(path: string, pin: Buffer): Promise<PinSource> {
  const content = Buffer.concat([pin, Buffer.of(0x0a)]);
  try {
    await writeFile(path, content, { mode: 0o600, flag: 'wx', flush: true });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new TlspoolError('pin-file-exists', `${path} exists already`, {
      cause,
      hint: 'A PIN is never overwritten: move the file away if no token needs it any more.',
    });
  } finally {
    content.fill(0);
  }
  return { kind: 'file', path };
}

/** The file that holds the PIN. @throws TlspoolError `pin-unreadable` if no credentials were passed */
export function pinPath(
  source: PinSource,
  credentialsDirectory = process.env.CREDENTIALS_DIRECTORY,
): string {
  if (source.kind === 'file') return source.path;
  if (credentialsDirectory === undefined) {
    throw new TlspoolError(
      'pin-unreadable',
      `the PIN is in the systemd credential ${source.name}, but no credentials were passed`,
      {
        hint: `They come to a systemd service with LoadCredential=${source.name}:PATH. A command takes the PIN from --pin-file.`,
      },
    );
  }
  return join(credentialsDirectory, source.name);
}

async function openPin(path: string): Promise<FileHandle> {
  try {
    // A FIFO would make us wait for ever.
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new TlspoolError(
      'pin-unreadable',
      `cannot read the PIN file ${path}: ${systemReason(cause)}`,
      {
        cause,
        hint: code === 'ENOENT' ? 'Write the PIN there, with mode 0600.' : undefined,
      },
    );
  }
}

function requirePrivate(path: string, stats: Stats, forbidden: number): void {
  if (!stats.isFile()) {
    throw new TlspoolError('pin-unreadable', `${path} is not a regular file`);
  }
  const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
  if ((stats.mode & forbidden) !== 0) {
    throw new TlspoolError('pin-exposed', `others may read the PIN file ${path} (mode ${mode})`, {
      hint: `Run \`chmod 600 ${path}\`, and change the PIN if it may have been seen.`,
    });
  }
  const self = process.geteuid?.();
  if (stats.uid !== 0 && self !== 0 && stats.uid !== self) {
    throw new TlspoolError('pin-exposed', `the PIN file ${path} belongs to another user`, {
      hint: `It must belong to root or to the user who runs this (uid ${self}).`,
    });
  }
}

async function readLine(file: FileHandle, path: string): Promise<Buffer> {
  // Room for a line feed and one byte too many.
  const buffer = Buffer.alloc(LONGEST_PIN + 2);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  if (length > 0 && buffer[length - 1] === 0x0a) length -= 1;
  const pin = buffer.subarray(0, length);

  const fault = faultOf(pin);
  if (fault !== undefined) {
    buffer.fill(0);
    throw new TlspoolError('pin-malformed', `the PIN file ${path} ${fault}`, {
      hint: 'It holds the PIN alone, in one line.',
    });
  }
  return pin;
}

function faultOf(pin: Buffer): string | undefined {
  if (pin.length === 0) return 'is empty';
  if (pin.length > LONGEST_PIN) return `is longer than ${LONGEST_PIN} bytes`;
  if (pin.includes(0x0a) || pin.includes(0x00)) return 'has more than one line, or a NUL byte';
  return undefined;
}
