import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Plugin } from '@oclif/core/config';
import type { PJSON } from '@oclif/core/interfaces';

/** What oclif.manifest.json says of all commands, as far as documents are made of it. */
export interface Manifest {
  readonly version: string;
  readonly commands: Readonly<Record<string, DocumentedCommand>>;
}

export interface DocumentedCommand {
  /** `ca:export`. */
  readonly id: string;
  readonly summary?: string;
  readonly description?: string;
  readonly examples?: readonly Example[];
  readonly args: Readonly<Record<string, DocumentedArgument>>;
  readonly flags: Readonly<Record<string, DocumentedFlag>>;
  readonly hidden?: boolean;
  readonly strict?: boolean;
  readonly usage?: string | readonly string[];
  readonly relativePath: readonly string[];
}

export type Example = string | { readonly command: string; readonly description?: string };

export interface DocumentedArgument {
  readonly name: string;
  readonly description?: string;
  readonly required?: boolean;
  readonly multiple?: boolean;
  readonly options?: readonly string[];
}

export interface DocumentedFlag {
  readonly name: string;
  readonly type: 'boolean' | 'option';
  readonly char?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly helpGroup?: string;
  readonly helpValue?: string | readonly string[];
  readonly env?: string;
  readonly default?: unknown;
  readonly multiple?: boolean;
  readonly options?: readonly string[];
  readonly required?: boolean;
  readonly hidden?: boolean;
  readonly allowNo?: boolean;
}

/**
 * The manifest of the commands as they are in the sources, in the form that oclif reads: what it would
 * otherwise load every command for, at every start. Paths lead to the compiled commands.
 *
 * @param root the package's directory
 */
export async function makeManifest(root: string): Promise<Manifest> {
  const packageManifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as PJSON;
  const plugin = new Plugin({
    root,
    isRoot: true,
    ignoreManifest: true,
    errorOnManifestCreate: true,
    respectNoCacheDefault: true,
    pjson: { ...packageManifest, oclif: { ...packageManifest.oclif, commands: './src/commands' } },
  });
  await plugin.load();
  const { commands, version } = plugin.manifest as unknown as Manifest;
  const sorted = Object.values(commands).sort((one, other) => (one.id < other.id ? -1 : 1));
  return {
    commands: Object.fromEntries(sorted.map((command) => [command.id, asCompiled(command)])),
    version,
  };
}

function asCompiled(command: DocumentedCommand): DocumentedCommand {
  const [, ...path] = command.relativePath;
  const file = path.at(-1)?.replace(/\.ts$/, '.js') ?? '';
  return { ...command, relativePath: ['dist', ...path.slice(0, -1), file] };
}
