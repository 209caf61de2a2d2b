/**
 * What is used of oclif, in one place: the build turns this file into all of it (setup/bundle.mjs), as a hundred small
 * files take longer to load than a command to run.
 */

export * as Args from '@oclif/core/args';
export { Command } from '@oclif/core/command';
export { Config } from '@oclif/core/config';
export * as Flags from '@oclif/core/flags';
export { CommandHelp, Help } from '@oclif/core/help';
export type {
  InferredFlags,
  Input,
  OutputArgs,
  OutputFlags,
  ParserOutput,
} from '@oclif/core/interfaces';
