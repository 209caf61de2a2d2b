import { UsageError } from '../errors.ts';

export interface Choice<Value> {
  readonly name: string;
  readonly value: Value;
  /** Shown while it is pointed at. */
  readonly description?: string;
}

/** Lines of a list that are shown at once. */
const PAGE = 12;

/**
 * Asks the person at the terminal. Every question names the flag that answers it, for whoever cannot be
 * asked. Questions appear on stderr, so that stdout holds results only.
 */
export class Prompts {
  readonly #mayAsk: boolean;

  constructor(mayAsk: boolean) {
    this.#mayAsk = mayAsk;
  }

  /** @throws UsageError naming `flag` when nobody can be asked */
  async confirm(message: string, flag: string): Promise<boolean> {
    this.#need(message, flag);
    const { confirm } = await import('@inquirer/prompts');
    return confirm({ message, default: false }, terminal());
  }

  /** What is typed is not shown. @throws UsageError naming `flag` when nobody can be asked */
  async secret(message: string, flag: string): Promise<string> {
    this.#need(message, flag);
    const { password } = await import('@inquirer/prompts');
    return password({ message, mask: false, toggleMask: false }, terminal());
  }

  /**
   * What is typed shows as stars; what was typed before the question is no answer to it. undefined: nothing was typed.
   * @throws UsageError as `secret`; ExitPromptError
   */
  async pin(message: string, flag: string, signal: AbortSignal): Promise<string | undefined> {
    this.#need(message, flag);
    const { password } = await import('@inquirer/prompts');
    const { discardInput } = await import('../engine/process.ts');
    discardInput(0);
    // Not even its length stays on the screen.
    const context = { ...terminal(), signal, clearPromptOnDone: true };
    const typed = await password({ message, mask: '*', toggleMask: false }, context);
    return typed === '' ? undefined : typed;
  }

  /** One of a list that can be searched by typing. @throws UsageError as `secret`; ExitPromptError */
  async search<Value>(
    message: string,
    flag: string,
    choices: readonly Choice<Value>[],
    signal: AbortSignal,
  ): Promise<Value> {
    this.#need(message, flag);
    const { search } = await import('@inquirer/prompts');
    const { discardInput } = await import('../engine/process.ts');
    discardInput(0);
    const source = (term: string | undefined) => {
      const wanted = (term ?? '').toLowerCase();
      return choices.filter(({ name }) => name.toLowerCase().includes(wanted));
    };
    return search({ message, source, pageSize: PAGE }, { ...terminal(), signal });
  }

  /** One of a short list. @throws UsageError as `secret`; ExitPromptError */
  async select<Value>(
    message: string,
    flag: string,
    choices: readonly Choice<Value>[],
    signal: AbortSignal,
  ): Promise<Value> {
    this.#need(message, flag);
    const { select } = await import('@inquirer/prompts');
    return select({ message, choices, pageSize: PAGE }, { ...terminal(), signal });
  }

  /** Loads what asks, so that the first question comes as fast as others. */
  async prepare(): Promise<void> {
    await import('@inquirer/prompts');
  }

  /** Text ahead of a question. */
  note(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  get mayAsk(): boolean {
    return this.#mayAsk;
  }

  #need(message: string, flag: string): void {
    const asked = message.replace(/:$/, '');
    if (!this.#mayAsk) throw new UsageError(`cannot ask "${asked}" here`, `Say it with ${flag}.`);
  }
}

function terminal(): { input: NodeJS.ReadableStream; output: NodeJS.WritableStream } {
  return { input: process.stdin, output: process.stderr };
}
