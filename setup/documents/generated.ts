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
  return new Map([
    ['oclif.manifest.json', `${JSON.stringify(manifest, undefined, 2)}\n`],
    ...manualPages(manifest, root),
  ]);
}
