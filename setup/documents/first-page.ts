import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, stripVTControlCharacters } from 'node:util';
import { Config } from '@oclif/core/config';
import type { PJSON } from '@oclif/core/interfaces';
import { FIRST_PAGE_WIDTH, VERSION_PLACE } from '../../src/core/cli/first-page.ts';
import { TlspoolHelp } from '../../src/core/cli/help.ts';

/** The first page of the help, by the commands as they are in the sources. @param root the package's directory */
export async function makeFirstPage(root: string): Promise<string> {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as PJSON;
  const pjson = { ...manifest, oclif: { ...manifest.oclif, commands: './src/commands' } };
  const config = await Config.load({ root, pjson, ignoreManifest: true });
  const help = new KeptHelp(config, { stripAnsi: true, maxWidth: FIRST_PAGE_WIDTH });
  await help.showHelp([]);
  return stripVTControlCharacters(help.text).replace(config.userAgent, VERSION_PLACE);
}

/** Keeps what would be printed. */
class KeptHelp extends TlspoolHelp {
  text = '';

  protected override log(...args: string[]): void {
    this.text += `${format(...args)}\n`;
  }
}
