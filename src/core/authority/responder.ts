import { DerError } from '../trust/der.ts';
import type { AuthoritySigner } from './authority-signer.ts';
import type { IssuedRecord } from './issued.ts';
import {
  type AskedStatus,
  certId,
  failures,
  isAskedOf,
  makeResponse,
  readStatusRequest,
  type Status,
} from './ocsp-response.ts';

/** ms for which an answer holds. */
const LIFETIME = 60 * 60 * 1000;

/** Answers for the local CA (RFC 6960): what it signed is good until it is revoked, of anything else it knows nothing. */
export class Responder {
  readonly #roots: readonly AuthoritySigner[];
  readonly #find: (authority: number, serial: string) => Promise<IssuedRecord | undefined>;

  constructor(
    roots: readonly AuthoritySigner[],
    find: (authority: number, serial: string) => Promise<IssuedRecord | undefined>,
  ) {
    this.#roots = roots;
    this.#find = find;
  }

  /** OCSPResponse to an OCSPRequest, DER both. */
  async answer(request: Buffer): Promise<Buffer> {
    try {
      const { asked, nonce } = readStatusRequest(request);
      const root = this.#roots.find((candidate) => asked.every((id) => isAskedOf(id, candidate)));
      if (root === undefined) return failures.unauthorized;
      const answers = await Promise.all(
        asked.map(async (id) => ({ id: id.id, status: await this.#status(root, id.serial) })),
      );
      const now = wholeSecond();
      return await makeResponse(root, answers, nonce, now, new Date(now.getTime() + LIFETIME));
    } catch (error) {
      if (error instanceof DerError) return failures.malformed;
      throw error;
    }
  }

  /** What is stapled to a certificate of our own; undefined: it is not of the local CA. */
  async about({
    authorityId,
    serial,
  }: Pick<IssuedRecord, 'authorityId' | 'serial'>): Promise<Buffer> {
    const root = this.#roots.find(({ authority }) => authority.id === authorityId);
    if (root === undefined) return failures.unauthorized;
    const now = wholeSecond();
    const answer = { id: certId(root, serial), status: await this.#status(root, serial) };
    return makeResponse(root, [answer], undefined, now, new Date(now.getTime() + LIFETIME));
  }

  async #status(root: AuthoritySigner, serial: AskedStatus['serial']): Promise<Status> {
    const found = await this.#find(root.authority.id, serial);
    if (found === undefined) return { is: 'unknown' };
    return found.revokedAt === undefined ? { is: 'good' } : { is: 'revoked', at: found.revokedAt };
  }
}

function wholeSecond(): Date {
  return new Date(Math.floor(Date.now() / 1000) * 1000);
}
