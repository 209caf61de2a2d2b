import { credentialFlag, identityArgument } from '../../core/cli/identity-flags.ts';
import { Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import { pinFlags, tokenChoice } from '../../core/cli/token-flags.ts';

export default class IdentitiesRemove extends PoolCommand {
  static override summary = 'forget a local identity';

  static override description =
    'The certificates go, and requests that wait for one; the keys stay in their token unless --delete-key says otherwise.';

  static override examples = [
    '<%= config.bin %> <%= command.id %> www.example.com',
    {
      description: 'one of its credentials, with its key',
      command: '<%= config.bin %> <%= command.id %> www.example.com --credential 3 --delete-key',
    },
  ];

  static override args = { id: identityArgument };

  static override flags = {
    credential: credentialFlag,
    'delete-key': Flags.boolean({ description: 'destroy the keys in the token too, for good' }),
    yes: Flags.boolean({ char: 'y', description: 'do not ask before keys are destroyed' }),
    ...pinFlags,
  };

  async run() {
    const { args, flags } = await this.parse(IdentitiesRemove);
    const { stateDir } = this.paths(flags);
    const { openStore } = await import('../../core/store/store.ts');
    const { parseLocalName } = await import('../../core/identity/local-name.ts');
    const { requireCredential, requireIdentity } = await import(
      '../../core/identity/stored-identity.ts'
    );
    const { listRequests } = await import('../../core/identity/stored-requests.ts');
    const { forget, forgetAndDestroy } = await import('../../core/identity/remove-identity.ts');
    const { formatSelector } = await import('../../core/identity/selector.ts');
    const name = parseLocalName(args.id);
    const id = formatSelector(name);
    await using store = await openStore(stateDir, 'write');
    const identity = await requireIdentity(store, name);
    const whole = flags.credential === undefined;
    const credentials = whole
      ? identity.credentials
      : [requireCredential(identity, flags.credential ?? 0)];
    const requests = whole ? await listRequests(store, id) : [];
    const keys = [...credentials, ...requests].map(({ keyUri }) => keyUri);
    const prompts = this.prompts(flags);
    if (flags['delete-key'] && !flags.yes) {
      const sure = await prompts.confirm(
        `Destroy ${keys.length === 1 ? 'the key' : `${keys.length} keys`} of ${id} for good?`,
        '--yes',
      );
      if (!sure) {
        this.log('Nothing was changed.');
        process.exitCode = 1;
        return { stateDir, id, removed: [], destroyedKeys: [], keptKeys: keys };
      }
    }
    const removal = { name, credentials: credentials.map((each) => each.id), requests: whole };
    const destroyedKeys = flags['delete-key']
      ? await forgetAndDestroy(store, removal, keys, tokenChoice(flags, prompts))
      : [];
    if (!flags['delete-key']) await forget(store, removal);
    const keptKeys = keys.filter((key) => !destroyedKeys.includes(key));
    this.log(
      whole ? `${id} is forgotten.` : `Credential ${flags.credential} of ${id} is forgotten.`,
    );
    for (const key of destroyedKeys) this.log(`Key destroyed: ${key}`);
    for (const key of keptKeys) this.log(`Key still in its token: ${key}`);
    return { stateDir, id, removed: removal.credentials, destroyedKeys, keptKeys };
  }
}
