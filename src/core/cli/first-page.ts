import { readFileSync } from 'node:fs';
import { styleText } from 'node:util';

/** Columns that the page was laid out for; oclif lays it out for narrower terminals. */
export const FIRST_PAGE_WIDTH = 80;
/** Stands in the page for what differs from one installation to another: versions and platform. */
export const VERSION_PLACE = '{version}';
/** The page below the package's directory. */
export const FIRST_PAGE = 'help.txt';

/** Whether nothing but the first page of the help is asked for. */
export function asksForFirstPage(argv: readonly string[]): boolean {
  const [word = '--help', ...others] = argv;
  return others.length === 0 && (word === '--help' || word === '-h' || word === 'help');
}

/**
 * The first page of the help as `npm run build` had oclif make it, which takes three times as long as to print it;
 * undefined: it does not fit on that terminal.
 *
 * @param root the package's directory
 * @param version what `--version` says
 */
export function firstPage(
  root: URL,
  version: string,
  stream: Pick<NodeJS.WriteStream, 'isTTY' | 'columns'> & NodeJS.WritableStream,
): string | undefined {
  if (stream.isTTY && stream.columns < FIRST_PAGE_WIDTH) return undefined;
  const heading = (text: string) => styleText('bold', text, { stream });
  return readFileSync(new URL(FIRST_PAGE, root), 'utf8')
    .replace(VERSION_PLACE, version)
    .replaceAll(/^[A-Z]+(?: [A-Z]+)*$/gm, heading);
}
