import { UsageError } from '../errors.ts';

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

  /** What is typed shows as stars. undefined: nothing was typed. @throws UsageError as `secret`; ExitPromptError */
  async pin(message: string, flag: string, signal: AbortSignal): Promise<string | undefined> {
    this.#need(message, flag);
    const { password } = await import('@inquirer/prompts');
    // Not even its length stays on the screen.
    const context = { ...terminal(), signal, clearPromptOnDone: true };
    const typed = await password({ message, mask: '*', toggleMask: false }, context);
    return typed === '' ? undefined : typed;
  }

  /** Text ahead of a question. */
  note(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  get mayAsk(): boolean {
    return this.#mayAsk;
  }

  #need(message: string, flag: string): void {
    if (!this.#mayAsk) throw new UsageError(`cannot ask "${message}" here`, `Say it with ${flag}.`);
  }
}

function terminal(): { input: NodeJS.ReadableStream; output: NodeJS.WritableStream } {
  return { input: process.stdin, output: process.stderr };
}
