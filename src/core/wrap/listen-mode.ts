import { closeFd } from '../engine/sockets.ts';
import { dialogOf } from '../tunnel/carriers.ts';
import { serverIntake } from '../tunnel/server-intake.ts';
import type { ServerTerms } from '../tunnel/terms.ts';
import { startedProcess } from './asking-process.ts';
import { type InnerListener, openInnerListener, PrivateFolder } from './inner-listener.ts';
import type { Mode, ModeEvents, ProgramPlan, PublicWay, RunningMode } from './mode.ts';
import { type Program, startProgram } from './program.ts';
import type { PublicListener } from './public-listener.ts';

/**
 * One program for all connections: it gets listening sockets in the manner of socket activation
 * (sd_listen_fds(3)) and accepts plaintext connections there, each after its TLS handshake.
 */
export class ListenMode implements Mode {
  readonly #runtimeDir: string;
  readonly #limit: number;

  /**
   * @param runtimeDir where the private folder of the inner sockets is made
   * @param limit handshakes at once
   */
  constructor(runtimeDir: string, limit: number) {
    this.#runtimeDir = runtimeDir;
    this.#limit = limit;
  }

  wantsCourier(terms: ServerTerms): boolean {
    return !dialogOf(terms);
  }

  start(plan: ProgramPlan, way: PublicWay, events: ModeEvents): RunningMode {
    const folder = new PrivateFolder(this.#runtimeDir);
    try {
      const passages = way.listeners.map((listener, index) => ({
        ...listener,
        inner: openInnerListener(folder, index),
      }));
      const listeners = passages.map(({ name, inner }) => ({ fd: inner.fd, name }));
      const program = startProgram({ ...plan, listeners });
      // From here on only the program listens: when it stops doing so, connections to it are refused.
      for (const { inner } of passages) closeFd(inner.fd);
      const ended = this.#serve(program, passages, way, events);
      return { signal: program.signal, ended: ended.finally(() => folder.remove()) };
    } catch (error) {
      folder.remove();
      throw error;
    }
  }

  async #serve(
    program: Program,
    passages: readonly Passage[],
    way: PublicWay,
    events: ModeEvents,
  ): Promise<number> {
    const { promise: broken, reject: breakDown } = Promise.withResolvers<never>();
    const terms = { ...way.terms, process: startedProcess(program.pid) };
    const intakes = passages.map(({ fds, inner }) => {
      return serverIntake(way, {
        listeners: fds,
        terms,
        target: inner.endpoint,
        limit: this.#limit,
        events: { lost: events.lost, failed: breakDown },
      });
    });
    try {
      return await Promise.race([program.ended, broken]);
    } catch (error) {
      program.signal('SIGTERM');
      await program.ended.catch(() => undefined);
      throw error;
    } finally {
      // Connections on their way have nowhere to go any more: they end with the pool's connection.
      for (const intake of intakes) void intake.close();
    }
  }
}

/** From the public's socket to the program's. */
interface Passage extends PublicListener {
  readonly inner: InnerListener;
}
