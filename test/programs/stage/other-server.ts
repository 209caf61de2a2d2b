import type { PoolConnection } from '../../../src/client/index.ts';
import { connectTcp } from '../../../src/core/engine/sockets.ts';
import { until, within } from '../../patience.ts';
import { attempt } from './attempt.ts';
import { alertsTo, type Files, type Make, type TlsVersion } from './other-makes.ts';
import { freePort, listening } from './ports.ts';
import { Running } from './running.ts';

/** Who it is that we talk to, `refused` if we do not want to, `sent away` if the server does not; and the alert that it heard, or 0. */
export type Visit = readonly [remote: string, alert: number];

/** A server of another make that insists on certificates, and that programs visit through the pool. */
export class OtherServer implements AsyncDisposable {
  readonly #make: Make;
  readonly #port: number;
  readonly #running: Running;

  /** @param caFile whom it believes */
  static async start(
    make: Make,
    version: TlsVersion,
    own: Files,
    caFile: string,
  ): Promise<OtherServer> {
    const port = await freePort();
    const [command = '', ...args] = make.server(port, version, own, caFile);
    const running = new Running(command, args, { stdio: 'pipe' });
    try {
      await listening(port, running);
      return new OtherServer(make, port, running);
    } catch (error) {
      await running[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(make: Make, port: number, running: Running) {
    this.#make = make;
    this.#port = port;
    this.#running = running;
  }

  async visit(
    program: PoolConnection,
    who: { readonly localId?: string; readonly remoteId: string },
  ): Promise<Visit> {
    const before = alertsTo(this.#make, this.#running).length;
    const fd = connectTcp('127.0.0.1', this.#port);
    const attempted = await attempt(program, { fd, role: 'client', ...who });
    if ('refused' in attempted) {
      // By the other side, then.
      if (/\balert\b/.test(attempted.refused)) return ['sent away', 0];
      const alerts = () => alertsTo(this.#make, this.#running);
      await until(`word of the server: ${attempted.refused}`, () => alerts().length > before);
      return ['refused', alerts().at(-1) ?? 0];
    }
    const { plain, session } = attempted;
    plain.write('ping\n');
    // In TLS 1.3 a client is done before the server has seen its certificate.
    const { promise: answer, resolve } = Promise.withResolvers<boolean>();
    plain.once('data', () => resolve(true)).once('close', () => resolve(false));
    if (plain.destroyed) resolve(false);
    const isHeard = await within('an answer, or the end', answer);
    plain.destroy();
    return [isHeard ? session.remoteId : 'sent away', 0];
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#running[Symbol.asyncDispose]();
  }
}
