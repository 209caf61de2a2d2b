import { FIRST_PAGE } from '../../src/core/cli/first-page.ts';
import { documentCommands } from './command-document.ts';
import { bashCompletion } from './completion/bash.ts';
import { fishCompletion } from './completion/fish.ts';
import { zshCompletion } from './completion/zsh.ts';
import { makeFirstPage } from './first-page.ts';
import { makeManifest } from './manifest.ts';
import { manualPages } from './manual.ts';

/**
 * Every file that is made from the commands and committed.
 *
 * @param root the package's directory
 * @returns path below the root → content
 */
export async function generatedFiles(root: string): Promise<Map<string, string>> {
  const manifest = await makeManifest(root);
  const commands = documentCommands(manifest);
  return new Map([
    ['oclif.manifest.json', `${JSON.stringify(manifest, undefined, 2)}\n`],
    [FIRST_PAGE, await makeFirstPage(root)],
    ...manualPages(manifest, root),
    ['completions/tlspool.bash', bashCompletion(commands)],
    ['completions/tlspool.fish', fishCompletion(commands)],
    ['completions/_tlspool', zshCompletion(commands)],
  ]);
}
