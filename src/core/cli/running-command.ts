import { Flags } from './oclif.ts';
import { PoolCommand } from './pool-command.ts';

/**
 * Commands that run until they are ended: they have a log, a conversation, or the output of a program of the user's, and
 * no result that `--json` could print.
 */
export abstract class RunningCommand extends PoolCommand {
  static override enableJsonFlag = false;

  static override baseFlags = {
    ...PoolCommand.baseFlags,
    json: Flags.boolean({ helpGroup: 'GLOBAL', description: 'print failures as JSON objects' }),
  };
}
