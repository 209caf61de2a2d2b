import { Help } from '@oclif/core/help';

/** The first steps, in the order of a new user, and where to read on. */
const EXAMPLES = [
  ['tlspool init', 'a token for keys, and a local CA'],
  ['tlspool identities create www.example.com', 'a key in the token, and a certificate for it'],
  ['tlspool serve', 'the pool'],
  ['tlspool wrap -- legacy-httpd', 'an unmodified program behind TLS'],
  ['tlspool trust check www.example.com:443', 'would it be believed, and why not?'],
] as const;
const READING_ON =
  'tlspool COMMAND --help, man tlspool (commands), man 7 tlspool (ideas and words), man tlspool.conf';

/** oclif's help, whose first page shows how to begin. */
export class TlspoolHelp extends Help {
  protected override async showRootHelp(): Promise<void> {
    await super.showRootHelp();
    const width = Math.max(...EXAMPLES.map(([line]) => line.length));
    const lines = EXAMPLES.map(([line, meaning]) => `$ ${line.padEnd(width)}  # ${meaning}`);
    this.log(this.section('EXAMPLES', lines.join('\n')));
    this.log('');
    this.log(this.section('READING ON', READING_ON));
    this.log('');
  }
}
