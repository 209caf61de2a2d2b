import { Args } from './oclif.ts';

/** The argument that names the remotes that something may be shown to. */
export const remoteArgument = Args.string({
  required: true,
  ignoreStdin: true,
  description:
    'selector of remotes: example.com, .example.com for what is below it, user@example.com, @example.com, . or @. for all',
});
