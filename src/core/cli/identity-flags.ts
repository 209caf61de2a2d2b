import type { StoredRole } from '../store/schema.ts';
import { type KeyType, keyTypes } from '../token/key-types.ts';
import { Args, Flags } from './oclif.ts';

/** The argument that names a local identity. */
export const identityArgument = Args.string({
  required: true,
  ignoreStdin: true,
  description: 'example.com, user@example.com, or .example.com for the wildcard *.example.com',
});

export const roleFlag = Flags.custom<StoredRole>({
  options: ['server', 'client', 'both'],
  helpValue: 'server|client|both',
});

export const keyTypeFlag = Flags.custom<KeyType>({
  options: [...keyTypes],
  helpValue: keyTypes.join('|'),
});

export const credentialFlag = Flags.integer({
  helpValue: 'NUMBER',
  min: 1,
  description: 'only this credential; `identities show` has the numbers',
});

/** Servers are domains and clients are users, unless it is said otherwise. */
export function usualRole({ user }: { readonly user: string | undefined }): StoredRole {
  return user === undefined ? 'server' : 'client';
}
