import { type PoolPaths, resolvePaths } from '../config/paths.ts';
import { UsageError } from '../errors.ts';
import { afterDashes, beforeDashes, wantsJson } from './command-line.ts';
import {
  Command,
  type Config,
  Flags,
  type Input,
  type OutputArgs,
  type OutputFlags,
  type ParserOutput,
} from './oclif.ts';
import { Prompts } from './prompts.ts';

/**
 * What every command shares: where the pool is, how output is shaped, how failures end.
 *
 * Output for people goes through `this.log`, which is silent under `--json`; `run()` returns the object
 * that is printed then. Failures are thrown as TlspoolError. A command that answers "no" sets
 * `process.exitCode = 1` and returns; `this.exit()` would lose the JSON.
 */
export abstract class PoolCommand extends Command {
  static override enableJsonFlag = true;

  /** The exit code of every failure below 125: for commands that run a program, and those whose 1 is an answer. */
  static failureExit: number | undefined = undefined;

  static override baseFlags = {
    socket: Flags.string({
      helpGroup: 'GLOBAL',
      helpValue: 'PATH',
      env: 'TLSPOOL_SOCKET',
      description: 'socket of the pool',
    }),
    'state-dir': Flags.string({
      helpGroup: 'GLOBAL',
      helpValue: 'DIR',
      env: 'TLSPOOL_STATE_DIR',
      description: 'where identities, trust and tokens are kept',
    }),
    config: Flags.string({
      helpGroup: 'GLOBAL',
      helpValue: 'FILE',
      env: 'TLSPOOL_CONFIG_FILE',
      description: 'configuration file',
    }),
    json: Flags.boolean({
      helpGroup: 'GLOBAL',
      description: 'print one JSON object instead of text, for errors too',
    }),
    'no-input': Flags.boolean({
      helpGroup: 'GLOBAL',
      description: 'never ask; fail and name the flag instead',
    }),
  };

  /**
   * Runs the command within the configuration that it was found by. oclif would load it once more, which costs
   * time, and fails for a user without an entry in the user database.
   */
  static override run: typeof Command.run = async function <T extends Command>(
    this: new (
      argv: string[],
      config: Config,
    ) => T,
    argv?: string[],
    config?: unknown,
  ) {
    const command = new this(argv ?? [], config as Config);
    return (command as unknown as PoolCommand)._run();
  };

  /** A flag that is given nothing is a variable of the shell that is not set, and never means a default. */
  protected override async parse<
    // biome-ignore-start lint/suspicious/noExplicitAny: oclif's own bounds
    F extends OutputFlags<any>,
    B extends OutputFlags<any>,
    A extends OutputArgs<any>,
    // biome-ignore-end lint/suspicious/noExplicitAny: oclif's own bounds
  >(options?: Input<F, B, A>, argv?: string[]): Promise<ParserOutput<F, B, A>> {
    const parsed = await super.parse(options, argv);
    for (const [name, value] of Object.entries(parsed.flags)) {
      const isEmpty = Array.isArray(value) ? value.includes('') : value === '';
      const isGiven = parsed.metadata.flags[name]?.setFromDefault !== true;
      if (isEmpty && isGiven && name !== 'note')
        throw new UsageError(`--${name} was given an empty value`);
    }
    return parsed;
  }

  /** Flag, then environment, then default; see resolvePaths about the file. */
  protected paths(flags: {
    socket?: string | undefined;
    'state-dir'?: string | undefined;
    config?: string | undefined;
  }): PoolPaths {
    const given = { socket: flags.socket, stateDir: flags['state-dir'], config: flags.config };
    return resolvePaths(given, process.env, process.geteuid?.() ?? -1);
  }

  /** Questions to the person at the terminal, if there is one and may be asked. */
  protected prompts(flags: { 'no-input'?: boolean | undefined }): Prompts {
    const terminal = process.stdin.isTTY === true && process.stderr.isTTY === true;
    return new Prompts(terminal && flags['no-input'] !== true && !this.jsonEnabled());
  }

  /**
   * For commands that run a program: our own arguments, to be given to `this.parse`, and the program's,
   * exactly as they were typed. (oclif reorders repeated words and drops a second `--`.)
   */
  protected splitAtDashes(): { own: string[]; program: string[] | undefined } {
    const program = afterDashes(this.argv);
    return { own: [...beforeDashes(this.argv)], program: program && [...program] };
  }

  public override jsonEnabled(): boolean {
    return this.ctor.enableJsonFlag && wantsJson(this.argv);
  }

  protected override logJson(json: unknown): void {
    process.stdout.write(`${JSON.stringify(json, undefined, 2)}\n`);
  }

  public override warn(input: Error | string): Error | string {
    process.stderr.write(`Warning: ${input instanceof Error ? input.message : input}\n`);
    return input;
  }

  /** Failures are told in one place, whatever they are: core/cli/main.ts. */
  protected override async catch(error: Error): Promise<never> {
    throw error;
  }
}
