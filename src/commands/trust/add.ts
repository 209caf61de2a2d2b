import { roleFlag } from '../../core/cli/identity-flags.ts';
import { Args, Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import { UsageError } from '../../core/errors.ts';
import type { Selector } from '../../core/identity/selector.ts';
import type { StoredRole } from '../../core/store/schema.ts';
import type { Store } from '../../core/store/store.ts';
import type { BundleChange } from '../../core/trust/system-bundle.ts';

interface AddedAnchor {
  readonly fingerprint: string;
  readonly subject: string;
  readonly notAfter: Date;
}

interface Addition {
  readonly stateDir: string;
  readonly role: StoredRole;
  /** Selectors. */
  readonly for: readonly string[];
  readonly added: readonly AddedAnchor[];
  readonly system: BundleChange | undefined;
  readonly lists: readonly AddedList[];
}

interface AddedList {
  readonly fingerprint: string;
  readonly nextUpdate: Date | undefined;
  /** How many certificates it revokes. */
  readonly size: number;
}

export default class TrustAdd extends PoolCommand {
  static override summary = 'trust a CA to vouch for remotes';

  static override description =
    'FILE holds CA certificates in PEM, or one in DER. By default they vouch for servers of every name; what is to vouch for clients must be told for which names: they decide who may get in. `.` is every domain and `@.` every user.\n\nWith --system, the CAs that the operating system trusts vouch for servers; run it again after the system changed.';

  static override examples = [
    {
      description: "a company's CA, for its own servers",
      command: '<%= config.bin %> <%= command.id %> company-ca.pem --for .company.example',
    },
    {
      description: 'the CA that signs certificates for users',
      command: '<%= config.bin %> <%= command.id %> users-ca.pem --role client --for @example.com',
    },
    {
      description: 'the CAs of the web',
      command: '<%= config.bin %> <%= command.id %> --system',
    },
    {
      description: 'what a CA has revoked',
      command: '<%= config.bin %> <%= command.id %> --crl company.crl',
    },
  ];

  static override args = {
    file: Args.string({ ignoreStdin: true, description: 'PEM or DER; - is stdin' }),
  };

  static override flags = {
    role: roleFlag({
      default: 'server',
      description: 'the remotes that it vouches for, by their role in TLS',
    }),
    for: Flags.string({
      helpValue: 'SELECTOR',
      multiple: true,
      multipleNonGreedy: true,
      description:
        'names that it vouches for, such as .example.com or @example.com; may be repeated',
    }),
    system: Flags.boolean({ description: 'the CAs that the operating system trusts' }),
    crl: Flags.string({
      helpValue: 'FILE',
      description: 'a revocation list, in PEM or DER, instead of CAs',
      exclusive: ['for', 'system'],
    }),
  };

  async run(): Promise<Addition> {
    const { args, flags } = await this.parse(TrustAdd);
    const { stateDir } = this.paths(flags);
    const { openStore } = await import('../../core/store/store.ts');
    const { formatSelector } = await import('../../core/identity/selector.ts');
    const { role } = flags;
    if (flags.crl !== undefined) return this.#addLists(stateDir, args.file, flags.crl);
    const source = chooseSource(args.file, flags.system, role);
    const selectors = await chooseSelectors(role, flags.for);
    const certificates = source === 'system' ? [] : await readFile(source.file);
    await using store = await openStore(stateDir, 'write');
    const addition = {
      stateDir,
      role,
      for: selectors.map(formatSelector),
      added: await addAll(store, certificates, role, selectors),
      system: source === 'system' ? await followSystem(store, selectors) : undefined,
      lists: [],
    };
    await this.#print(addition);
    return addition;
  }

  async #addLists(stateDir: string, file: string | undefined, path: string): Promise<Addition> {
    if (file !== undefined) throw new UsageError('--crl takes no FILE of CAs beside it');
    const { openStore } = await import('../../core/store/store.ts');
    const { readInput } = await import('../../core/cli/input-file.ts');
    const { keepList, readLists } = await import('../../core/trust/crl-file.ts');
    const { expiryWords } = await import('../../core/cli/expiry.ts');
    const content = readLists(await readInput(path));
    if (content.length === 0) throw new UsageError(`${path} holds no revocation list`);
    await using store = await openStore(stateDir, 'write');
    const lists = await store.transaction(async (transaction) => {
      const kept: AddedList[] = [];
      for (const list of content) kept.push(await keepList(transaction, list));
      return kept;
    });
    for (const { fingerprint, nextUpdate, size } of lists) {
      const end =
        nextUpdate === undefined ? 'without an end' : `expires ${expiryWords(nextUpdate)}`;
      const what = size === 1 ? '1 certificate' : `${size} certificates`;
      this.log(`A list that revokes ${what}, ${end}`);
      this.log(`  SHA-256 ${fingerprint}`);
    }
    const shown = lists.map(({ fingerprint, nextUpdate, size }) => ({
      fingerprint,
      nextUpdate,
      size,
    }));
    return { stateDir, role: 'server', for: [], added: [], system: undefined, lists: shown };
  }

  async #print({ role, for: names, added, system }: Addition): Promise<void> {
    const { expiryWords } = await import('../../core/cli/expiry.ts');
    const scope = `${role === 'both' ? 'servers and clients' : `${role}s`} of ${names.join(' ')}`;
    for (const { subject, fingerprint, notAfter } of added) {
      this.log(`${subject} vouches for ${scope}`);
      this.log(`  SHA-256 ${fingerprint}, expires ${expiryWords(notAfter)}`);
    }
    if (system === undefined) return;
    const { path, added: fresh, removed, kept, skipped } = system;
    this.log(`${path} vouches for ${scope}`);
    this.log(`  ${fresh} CAs added, ${removed} removed, ${kept} as before, ${skipped} not usable`);
  }
}

/** Everyone, for servers, unless it is said otherwise; whom a CA lets in must always be said. */
async function chooseSelectors(
  role: StoredRole,
  given: readonly string[] | undefined,
): Promise<readonly Selector[]> {
  const { parseSelector } = await import('../../core/identity/selector.ts');
  if (given !== undefined && given.length > 0) return given.map(parseSelector);
  if (role !== 'server') {
    throw new UsageError(
      `a CA for ${role === 'both' ? 'both roles' : 'clients'} needs the names that it vouches for`,
      'Say --for, such as --for @example.com; --for . --for @. is everyone.',
    );
  }
  const { ANYONE } = await import('../../core/trust/anchors.ts');
  return ANYONE;
}

function chooseSource(
  file: string | undefined,
  system: boolean,
  role: StoredRole,
): 'system' | { readonly file: string } {
  if (file === undefined && !system) {
    throw new UsageError('missing FILE', 'Name a file of certificates, or say --system.');
  }
  if (file !== undefined && system) {
    throw new UsageError('--system takes no FILE', 'Add them one after the other.');
  }
  if (system && role !== 'server') {
    throw new UsageError(
      "the system's CAs vouch for servers only",
      'Whom they would let in as a client, nobody could tell.',
    );
  }
  return file === undefined ? 'system' : { file };
}

async function readFile(path: string): Promise<Buffer[]> {
  const { readInput } = await import('../../core/cli/input-file.ts');
  const { readCertificates } = await import('../../core/identity/certificate-file.ts');
  return readCertificates(await readInput(path));
}

async function addAll(
  store: Store,
  certificates: readonly Buffer[],
  role: StoredRole,
  selectors: readonly Selector[],
): Promise<AddedAnchor[]> {
  const { addAnchor, describeAnchor } = await import('../../core/trust/anchors.ts');
  return store.transaction(async (transaction) => {
    const added: AddedAnchor[] = [];
    for (const certificate of certificates) {
      await addAnchor(transaction, { certificate, role, selectors, source: 'operator' });
      added.push(describeAnchor(certificate));
    }
    return added;
  });
}

async function followSystem(store: Store, selectors: readonly Selector[]): Promise<BundleChange> {
  const { followSystemBundle } = await import('../../core/trust/system-bundle.ts');
  return followSystemBundle(store, selectors);
}
