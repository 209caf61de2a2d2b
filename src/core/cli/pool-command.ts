import { Command, Flags } from '@oclif/core';
import { type PoolPaths, resolvePaths } from '../config/paths.ts';

/** What every command shares: where the pool is, how output is shaped, how failures end. */
export abstract class PoolCommand extends Command {
  static override enableJsonFlag = true;

  static override baseFlags = {
    socket: Flags.string({ helpGroup: 'GLOBAL', helpValue: 'PATH', description: 'socket of the pool' }),
    'state-dir': Flags.string({ helpGroup: 'GLOBAL', helpValue: 'DIR', description: 'where identities, trust and tokens are kept' }),
    config: Flags.string({ helpGroup: 'GLOBAL', helpValue: 'FILE', description: 'configuration file' }),
    'no-input': Flags.boolean({ helpGroup: 'GLOBAL', description: 'never ask; fail and name the flag instead' }),
  };

  /** Flag, then environment, then file, then default. */
  protected paths(flags: { socket?: string | undefined; 'state-dir'?: string | undefined; config?: string | undefined }): PoolPaths {
    return resolvePaths({ socket: flags.socket, stateDir: flags['state-dir'], config: flags.config }, process.env, process.geteuid?.() ?? -1);
  }
}
