import { closeFd } from '../engine/sockets.ts';
import type { TlspoolError } from '../errors.ts';
import { serverCarrier } from '../tunnel/carriers.ts';
import { Intake } from '../tunnel/intake.ts';
import { type InnerListener, openInnerListener, PrivateFolder } from './inner-listener.ts';
import type { Mode, ModeEvents, ProgramPlan, PublicWay, RunningMode } from './mode.ts';
import { type Program, startProgram } from './program.ts';

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

  start(plan: ProgramPlan, way: PublicWay, events: ModeEvents): RunningMode {
    const folder = new PrivateFolder(this.#runtimeDir);
    const inner = way.listeners.map((_, index) => openInnerListener(folder, index));
    const program = startProgram({ ...plan, listeners: named(inner, way) });
    // From here on only the program listens: when it stops doing so, connections to it are refused.
    for (const { fd } of inner) closeFd(fd);
    return {
      signal: program.signal,
      ended: this.#serve(program, inner, way, events).finally(() => folder.remove()),
    };
  }

  async #serve(
    program: Program,
    inner: readonly InnerListener[],
    way: PublicWay,
    events: ModeEvents,
  ): Promise<number> {
    const { promise: broken, reject: breakDown } = Promise.withResolvers<never>();
    const intakes = way.listeners.map(({ fds }, index) => {
      const { endpoint } = inner[index] as InnerListener;
      const failed = (error: TlspoolError) => breakDown(error);
      return new Intake({
        listeners: fds,
        link: way.link,
        carry: serverCarrier(way.terms, endpoint),
        limit: this.#limit,
        events: { lost: events.lost, failed },
      });
    });
    try {
      return await Promise.race([program.ended, broken]);
    } catch (error) {
      program.signal('SIGTERM');
      await program.ended.catch(() => undefined);
      throw error;
    } finally {
      await Promise.all(intakes.map((intake) => intake.close()));
    }
  }
}

function named(inner: readonly InnerListener[], { listeners }: PublicWay) {
  return listeners.map(({ name }, index) => ({ fd: (inner[index] as InnerListener).fd, name }));
}
