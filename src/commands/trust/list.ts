import { PoolCommand } from '../../core/cli/pool-command.ts';
import type { StoredRole } from '../../core/store/schema.ts';

interface AnchorListing {
  readonly stateDir: string;
  readonly anchors: readonly {
    readonly fingerprint: string;
    readonly role: StoredRole;
    readonly for: readonly string[];
    readonly source: string;
    readonly subject: string;
    readonly notAfter: Date;
  }[];
}

const sources: Readonly<Record<string, string>> = {
  operator: 'added',
  'local-ca': 'local CA',
  system: 'system',
};

export default class TrustList extends PoolCommand {
  static override summary = 'list whom the pool trusts to vouch for remotes';

  static override description =
    'Shows the CAs, the remotes that they vouch for (by role and by name: `.` is every domain, `@.` every user) and where they come from. No daemon is needed.';

  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run(): Promise<AnchorListing> {
    const { flags } = await this.parse(TrustList);
    const { stateDir } = this.paths(flags);
    const { openStore } = await import('../../core/store/store.ts');
    const { anchorFacts, listAnchors } = await import('../../core/trust/anchors.ts');
    const { formatSelector } = await import('../../core/identity/selector.ts');
    await using store = await openStore(stateDir, 'read');
    const anchors = (await listAnchors(store.db)).map((anchor) => ({
      fingerprint: anchor.fingerprint,
      role: anchor.role,
      for: anchor.selectors.map(formatSelector),
      source: anchor.source,
      subject: anchorFacts(anchor.certificate).subject,
      notAfter: anchorFacts(anchor.certificate).notAfter,
    }));
    const listing = { stateDir, anchors };
    if (!this.jsonEnabled()) await this.#print(listing);
    return listing;
  }

  async #print({ stateDir, anchors }: AnchorListing): Promise<void> {
    const { tableLines } = await import('../../core/cli/table.ts');
    const { expiryStyled } = await import('../../core/cli/expiry.ts');
    this.log(`State folder: ${stateDir}\n`);
    const rows = anchors.map((anchor) => ({
      fingerprint: anchor.fingerprint.slice(0, 16),
      role: anchor.role,
      for: anchor.for.join(' '),
      from: sources[anchor.source] ?? anchor.source,
      expires: expiryStyled(anchor.notAfter),
      subject: anchor.subject,
    }));
    const columns = ['fingerprint', 'role', 'for', 'from', 'expires', 'subject'] as const;
    const lines = tableLines(columns, rows);
    if (lines.length > 0) this.log(lines.join('\n'));
    else this.log('Nobody is trusted. Add a CA: tlspool trust add FILE, or --system');
  }
}
