import { type FileHandle, open, rm } from 'node:fs/promises';
import { systemReason, TlspoolError } from '../errors.ts';

/** A new file for its owner's eyes; it is there before what goes into it is made, and gone again if nothing does. */
export class SecretFile implements AsyncDisposable {
  readonly path: string;
  readonly #file: FileHandle;
  #written = false;

  /** @throws TlspoolError `unwritable-file` */
  static async create(path: string): Promise<SecretFile> {
    try {
      return new SecretFile(path, await open(path, 'wx', 0o600));
    } catch (cause) {
      const isThere = (cause as NodeJS.ErrnoException).code === 'EEXIST';
      const reason = isThere ? 'it is there already' : systemReason(cause);
      throw new TlspoolError('unwritable-file', `cannot write ${path}: ${reason}`, {
        hint: isThere ? 'Choose another name.' : undefined,
        cause,
      });
    }
  }

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  async write(content: string | Buffer): Promise<void> {
    await this.#file.writeFile(content);
    this.#written = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
    if (!this.#written) await rm(this.path, { force: true });
  }
}
