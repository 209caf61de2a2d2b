import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { documentCommands } from './command-document.ts';
import { commandPage, type Edition, overviewPage, pageName } from './man-page.ts';
import type { Manifest } from './manifest.ts';

/**
 * The pages of section 1, made of the manifest and of the parts written by hand in man/parts.
 *
 * @param root the package's directory
 * @returns path below the root → content
 */
export function manualPages(manifest: Manifest, root: string): Map<string, string> {
  const edition = { version: manifest.version, date: releaseDate(root, manifest.version) };
  const commands = documentCommands(manifest);
  const part = (name: string) => readIfThere(join(root, `man/parts/${name}.mdoc`));
  return new Map([
    ['man/tlspool.1', overviewPage(commands, edition, part('tlspool'))],
    ...commands.map((command): [string, string] => {
      const name = pageName(command.name);
      return [`man/${name}.1`, commandPage(command, edition satisfies Edition, part(name))];
    }),
  ]);
}

/** The date of the version in CHANGELOG.md, so that pages change only when they change. */
function releaseDate(root: string, version: string): string {
  const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
  const entry = new RegExp(
    `^## ${version.replaceAll('.', '\\.')} \\((\\d{4}-\\d{2}-\\d{2})\\)$`,
    'm',
  ).exec(changelog);
  if (entry?.[1] === undefined) {
    throw new Error(
      `CHANGELOG.md has no entry "## ${version} (YYYY-MM-DD)": pages are dated by it`,
    );
  }
  const date = new Date(`${entry[1]}T00:00:00Z`);
  return date.toLocaleDateString('en-US', {
    year: 'numeric',
    month: 'long',
    day: 'numeric',
    timeZone: 'UTC',
  });
}

function readIfThere(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}
