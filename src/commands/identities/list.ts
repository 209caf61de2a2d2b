import { Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import type { CredentialFacts } from '../../core/identity/stored-identity.ts';
import type { RequestFacts } from '../../core/identity/stored-requests.ts';

/** ms */
const DAY = 24 * 60 * 60_000;

interface Listing {
  readonly stateDir: string;
  readonly identities: readonly { id: string; credentials: readonly CredentialFacts[] }[];
  /** Keys that wait for a certificate. */
  readonly requests: readonly RequestFacts[];
}

export default class IdentitiesList extends PoolCommand {
  static override summary = 'list the local identities';

  static override description =
    'Shows the names that this pool can prove, and with which keys and certificates; no daemon is needed. The credentials of an identity are offered in the order in which they are listed.';

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    {
      description: 'what has to be renewed within a month',
      command: '<%= config.bin %> <%= command.id %> --expiring 30',
    },
  ];

  static override flags = {
    expiring: Flags.integer({
      helpValue: 'DAYS',
      min: 1,
      description: 'only credentials that expire within so many days, or have expired',
    }),
  };

  async run(): Promise<Listing> {
    const { flags } = await this.parse(IdentitiesList);
    const { stateDir } = this.paths(flags);
    const { openStore } = await import('../../core/store/store.ts');
    const { readLocalIdentities, credentialFacts } = await import(
      '../../core/identity/stored-identity.ts'
    );
    const { listRequests, requestFacts } = await import('../../core/identity/stored-requests.ts');
    const { formatSelector } = await import('../../core/identity/selector.ts');
    await using store = await openStore(stateDir, 'read');
    const { expiring } = flags;
    const limit = expiring === undefined ? Number.POSITIVE_INFINITY : Date.now() + expiring * DAY;
    const all = (await readLocalIdentities(store)).map(({ donai, credentials }) => ({
      id: formatSelector(donai),
      credentials: credentials
        .filter(({ notAfter }) => notAfter.getTime() <= limit)
        .map(credentialFacts),
    }));
    const listing = {
      stateDir,
      identities: all.filter(({ credentials }) => expiring === undefined || credentials.length > 0),
      requests: expiring === undefined ? (await listRequests(store)).map(requestFacts) : [],
    };
    if (!this.jsonEnabled()) await this.#print(listing, expiring !== undefined);
    return listing;
  }

  async #print({ stateDir, identities, requests }: Listing, some: boolean): Promise<void> {
    const { tableLines } = await import('../../core/cli/table.ts');
    const { expiryStyled } = await import('../../core/cli/expiry.ts');
    this.log(`State folder: ${stateDir}\n`);
    const certified = identities.flatMap(({ id, credentials }) =>
      credentials.map((credential) => ({
        identity: id,
        role: credential.role,
        key: credential.keyType,
        issuer: credential.issuer,
        expires: expiryStyled(credential.notAfter),
        where: credential.key,
      })),
    );
    const waiting = requests.map(({ id, role, keyType, key }) => ({
      identity: id,
      role,
      key: keyType,
      issuer: '(requested)',
      expires: '',
      where: key,
    }));
    const columns = ['identity', 'role', 'key', 'issuer', 'expires', 'where'] as const;
    const lines = tableLines(columns, [...certified, ...waiting]);
    if (lines.length > 0) this.log(lines.join('\n'));
    else if (some) this.log('None.');
    else this.log('No identities yet. Make one: tlspool identities create www.example.com');
  }
}
