import { constants } from 'node:os';
import { TlspoolError } from '../errors.ts';

/** SQLite's primary result codes (sqlite.org/rescode.html) that an operator can act on. */
const RESULT = {
  perm: 3,
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  constraint: 19,
  notADatabase: 26,
} as const;

/** SQLITE_IOERR_SHMSIZE, an extended code: no room for the index of the write-ahead log, which readers need as well. */
const NO_ROOM_FOR_INDEX = 4874;

const { ENOSPC, EROFS, EBUSY, EIO, EACCES, EEXIST } = constants.errno;

/** What SQLite reported, in an operator's words; anything but SQLite's errors comes back as it is. */
export function storeFailure(error: unknown, path: string): unknown {
  const code = isNoRoomForIndex(error) ? RESULT.full : primaryCode(error);
  if (code === undefined) return error;
  const cause = error;
  switch (code) {
    case RESULT.full:
      return new TlspoolError('store-full', `the disk is full: ${path} could not be written`, {
        hint: 'Nothing was changed. Free some space and do it again.',
        wire: ENOSPC,
        cause,
      });
    case RESULT.readOnly:
      return new TlspoolError('store-read-only', `${path} cannot be written`, {
        hint: 'The file or its folder is read-only, or belongs to another user.',
        wire: EROFS,
        cause,
      });
    case RESULT.busy:
    case RESULT.locked:
      return new TlspoolError('store-busy', `another process keeps ${path} locked`, {
        hint: 'Nothing was changed. Do it again.',
        wire: EBUSY,
        cause,
      });
    case RESULT.corrupt:
    case RESULT.notADatabase:
      return new TlspoolError('store-corrupt', `${path} is damaged or is not a store of tlspool`, {
        hint: 'Put a backup of the file in its place.',
        wire: EIO,
        cause,
      });
    case RESULT.cannotOpen:
    case RESULT.perm:
      return new TlspoolError('store-unreadable', `${path} cannot be opened`, {
        hint: 'The file or its folder is read-only, or belongs to another user.',
        wire: EACCES,
        cause,
      });
    case RESULT.constraint:
      return new TlspoolError('store-constraint', `${path} refused a change: ${words(error)}`, {
        wire: EEXIST,
        cause,
      });
    default:
      return new TlspoolError('store-failed', `${path}: ${words(error)}`, { wire: EIO, cause });
  }
}

/** Whether SQLite failed because it may not, or for lack of space cannot, write next to the file. */
export function isRefusedWrite(error: unknown): boolean {
  const code = primaryCode(error);
  return code === RESULT.readOnly || code === RESULT.cannotOpen || isNoRoomForIndex(error);
}

function isNoRoomForIndex(error: unknown): boolean {
  return extendedCode(error) === NO_ROOM_FOR_INDEX;
}

/** The low byte of the extended code is the primary one. */
function primaryCode(error: unknown): number | undefined {
  const code = extendedCode(error);
  return code === undefined ? undefined : code & 0xff;
}

function extendedCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode : undefined;
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
