import type { Dialog, Introduction, Talk } from '../../../src/core/starttls/dialog.ts';
import { DialogEnd } from '../../../src/core/starttls/dialog-end.ts';
import { Machine } from '../../../src/core/starttls/machine.ts';
import type { Side } from '../../../src/core/starttls/step.ts';

/** Somebody on one side of a dialog: says something first, and something to what it hears. */
export interface Actor {
  readonly greeting?: string | Buffer;
  /** @param heard everything that it was told so far @param more what is new */
  readonly answer?: (heard: string, more: string) => string | Buffer | undefined;
}

export interface Simulated {
  /** What each side was told, in latin1. */
  readonly told: Readonly<Record<Side, string>>;
  /** What was sent and not taken by the dialog: it stays in the socket, the peer's for TLS. */
  readonly left: Readonly<Record<Side, string>>;
  readonly secured: boolean;
  /** `leave`, `through`, `waiting`, or the code of the error that ended it. */
  readonly outcome: string;
  /** Wishes in order. */
  readonly wishes: readonly string[];
}

export interface SimulationOptions {
  /** Bytes that arrive at once, over and over; all that there is, if absent. */
  readonly chunks?: readonly number[];
  /** What the peer says inside TLS, where the dialog stays. */
  readonly inside?: Actor;
  readonly introduction?: Introduction;
  /** Whether the peer may stay in the clear; true, if absent. */
  readonly clear?: boolean;
  /** Where data connections are waited for; without it, the dialog ends where it wants one. */
  readonly data?: { readonly address: string; readonly port: number };
  /** Wishes that are granted without more; others that are not known here end the dialog. */
  readonly goOn?: readonly string[];
}

const ends = {
  source: { address: '192.0.2.1', port: 4711 },
  destination: { address: '192.0.2.2', port: 25 },
};
const identities = { localId: 'www.example.com', remoteId: 'www.example.com' };

/** Runs a dialog between two actors, as pass.ts does between two sockets. */
export function simulate(
  dialog: (talk: Talk) => Dialog,
  actors: { readonly peer: Actor; readonly program: Actor },
  options: SimulationOptions = {},
): Simulated {
  return new Simulation(dialog, actors, options).run();
}

interface Line {
  actor: Actor;
  queue: Buffer;
  heard: string;
}

class Simulation {
  readonly #machine: Machine;
  readonly #options: SimulationOptions;
  readonly #actors: { readonly peer: Actor; readonly program: Actor };
  readonly #told = { peer: '', program: '' };
  readonly #lines: { peer: Line; program: Line | undefined };
  readonly #wishes: string[] = [];
  #secured = false;
  #leftToTls: Buffer | undefined;
  #turn = 0;

  constructor(
    dialog: (talk: Talk) => Dialog,
    actors: { peer: Actor; program: Actor },
    options: SimulationOptions,
  ) {
    const { introduction } = options;
    this.#machine = new Machine(dialog, { identities, ends, introduction });
    this.#actors = actors;
    this.#options = options;
    this.#lines = { peer: line(actors.peer), program: undefined };
  }

  run(): Simulated {
    let outcome: string;
    try {
      this.#machine.begin();
      outcome = this.#converse();
    } catch (error) {
      if (!(error instanceof DialogEnd)) throw error;
      outcome = error.code;
    }
    this.#tell();
    const left = (side: Side) => this.#lines[side]?.queue.toString('latin1') ?? '';
    const peer = this.#leftToTls?.toString('latin1') ?? left('peer');
    return {
      told: this.#told,
      left: { peer, program: left('program') },
      secured: this.#secured,
      outcome,
      wishes: this.#wishes,
    };
  }

  #converse(): string {
    for (let steps = 0; steps < 10_000; steps++) {
      this.#tell();
      const { wish } = this.#machine;
      if (wish.wait !== 'bytes') this.#wishes.push(wish.wait);
      switch (wish.wait) {
        case 'bytes':
          if (!this.#hear(wish.sides)) return 'waiting';
          break;
        case 'program':
          this.#lines.program = line(this.#actors.program);
          this.#machine.done();
          break;
        case 'clear':
          this.#machine.clear = this.#options.clear ?? true;
          this.#machine.done();
          break;
        case 'tls':
          this.#secured = true;
          this.#leftToTls = this.#lines.peer.queue;
          this.#machine.done();
          break;
        case 'inside':
          this.#lines.peer = line(this.#options.inside ?? {});
          this.#machine.done();
          break;
        case 'data':
          if (!this.#options.data) return wish.wait;
          Object.assign(this.#machine.data, this.#options.data);
          this.#machine.done();
          break;
        default:
          if (!this.#options.goOn?.includes(wish.wait)) return wish.wait;
          this.#machine.done();
      }
    }
    throw new Error('the dialog never ends');
  }

  #hear(sides: readonly Side[]): boolean {
    for (const side of sides) {
      const from = this.#lines[side];
      if (!from || from.queue.length === 0) continue;
      // Bytes that were only looked at come again, with more.
      const { wish } = this.#machine;
      const look = wish.wait === 'bytes' && wish.look === true;
      const size = look ? from.queue.length : this.#chunk();
      const chunk = from.queue.subarray(0, size);
      const taken = this.#machine.hear(side, chunk);
      from.queue = from.queue.subarray(taken);
      const { wish: next } = this.#machine;
      return taken > 0 || !(look && next.wait === 'bytes' && next.look === true);
    }
    return false;
  }

  #chunk(): number {
    const { chunks } = this.#options;
    if (!chunks || chunks.length === 0) return Number.POSITIVE_INFINITY;
    return chunks[this.#turn++ % chunks.length] ?? 1;
  }

  #tell(): void {
    for (const side of ['peer', 'program'] as const) {
      const to = this.#lines[side];
      const bytes = to && this.#machine.toldTo(side);
      if (!to || !bytes) continue;
      const words = bytes.toString('latin1');
      this.#told[side] += words;
      to.heard += words;
      const answer = to.actor.answer?.(to.heard, words);
      if (answer !== undefined) to.queue = Buffer.concat([to.queue, bytesOf(answer)]);
    }
  }
}

function line(actor: Actor): Line {
  return { actor, queue: bytesOf(actor.greeting ?? ''), heard: '' };
}

function bytesOf(words: string | Buffer): Buffer {
  return typeof words === 'string' ? Buffer.from(words, 'latin1') : words;
}
