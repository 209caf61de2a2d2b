import { EventEmitter, on } from 'node:events';
import type { Keyring } from '../token/keyring.ts';

/** A token that seems to wait for a person's finger, or does no more. */
export interface TouchView {
  readonly token: { readonly uri: string; readonly label: string };
  readonly awaited: boolean;
}

/** Touches that tokens wait for, for whoever tells people of them. */
export class Touches {
  readonly #describe: (token: string) => TouchView['token'];
  /** Tokens that wait now. */
  readonly #awaited = new Set<string>();
  readonly #events = new EventEmitter<{ touch: [view: TouchView]; end: [] }>().setMaxListeners(0);

  constructor(keeper: Pick<Keyring, 'describe' | 'on'>) {
    this.#describe = (token) => {
      const { uri, label } = keeper.describe(token);
      return { uri, label };
    };
    keeper.on('touch', (token, awaited) => {
      if (awaited) this.#awaited.add(token);
      else this.#awaited.delete(token);
      this.#events.emit('touch', { token: this.#describe(token), awaited });
    });
  }

  /** Those that are awaited now, then each as it comes and goes, until `end`. */
  async *watch(): AsyncIterable<TouchView> {
    // From here on nothing is missed.
    const coming = on(this.#events, 'touch', { close: ['end'] });
    for (const token of this.#awaited) yield { token: this.#describe(token), awaited: true };
    for await (const [view] of coming) yield view as TouchView;
  }

  /** Whoever watches now is told of no more. */
  end(): void {
    this.#events.emit('end');
  }
}
