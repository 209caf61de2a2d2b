import { PoolCommand } from '../../core/cli/pool-command.ts';
import type { StoredRole } from '../../core/store/schema.ts';
import type { ListFacts } from '../../core/trust/crl-file.ts';
import type { Distrust } from '../../core/trust/distrust.ts';
import type { Pin } from '../../core/trust/pins.ts';

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
  readonly pins: readonly Pin[];
  readonly distrusted: readonly Distrust[];
  readonly lists: readonly Pick<ListFacts, 'fingerprint' | 'thisUpdate' | 'nextUpdate' | 'size'>[];
}

const sources: Readonly<Record<string, string>> = {
  operator: 'added',
  'local-ca': 'local CA',
  system: 'system',
};

export default class TrustList extends PoolCommand {
  static override summary = 'list whom the pool trusts, and whom it does not';

  static override description =
    'Shows the CAs, the remotes that they vouch for (by role and by name: `.` is every domain, `@.` every user) and where they come from; then the keys that remotes are known by, what is distrusted, and revocation lists. No daemon is needed.';

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
    const { listDistrusts } = await import('../../core/trust/distrust.ts');
    const { listPins } = await import('../../core/trust/pins.ts');
    const { listFacts, storedLists } = await import('../../core/trust/crl-file.ts');
    const lists = (await storedLists(store.db)).map((list) => {
      const { fingerprint, thisUpdate, nextUpdate, size } = listFacts(list);
      return { fingerprint, thisUpdate, nextUpdate, size };
    });
    const listing = {
      stateDir,
      anchors,
      pins: await listPins(store.db),
      distrusted: await listDistrusts(store.db),
      lists,
    };
    if (!this.jsonEnabled()) await this.#print(listing);
    return listing;
  }

  async #print({ stateDir, anchors, pins, distrusted, lists }: AnchorListing): Promise<void> {
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
    const pinned = pins.map(({ remote, key, source, expiresAt, rollOverAt }) => ({
      pinned: remote,
      key: key.slice(0, 16),
      from: source === 'operator' ? 'pinned' : 'first use',
      expires: expiresAt === undefined ? 'never' : expiryStyled(expiresAt),
      'next key': rollOverAt === undefined ? 'refused' : `once, from ${day(rollOverAt)}`,
    }));
    const revoking = lists.map(({ fingerprint, size, nextUpdate }) => ({
      'revocation list': fingerprint.slice(0, 16),
      revokes: String(size),
      expires: nextUpdate === undefined ? 'never' : expiryStyled(nextUpdate),
    }));
    const banned = distrusted.map(({ kind, value, note }) => ({
      distrusted: value.slice(0, 40),
      kind,
      note,
    }));
    for (const table of [
      tableLines(['pinned', 'key', 'from', 'expires', 'next key'], pinned),
      tableLines(['distrusted', 'kind', 'note'], banned),
      tableLines(['revocation list', 'revokes', 'expires'], revoking),
    ]) {
      if (table.length > 0) this.log(`\n${table.join('\n')}`);
    }
  }
}

function day(moment: Date): string {
  return moment.toISOString().slice(0, 10);
}
