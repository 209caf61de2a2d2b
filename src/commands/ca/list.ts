import { Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';

const DAY = 24 * 60 * 60 * 1000;

interface Issued {
  readonly serial: string;
  readonly id: string;
  readonly role: string;
  readonly state: 'valid' | 'revoked' | 'expired';
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly revokedAt: Date | undefined;
}

export default class CaList extends PoolCommand {
  static override summary = 'list what the local CA has signed';

  static override description = 'The newest first. What expired is left out unless --all is said.';

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    {
      description: 'what has to be renewed within a month',
      command: '<%= config.bin %> <%= command.id %> --expiring 30',
    },
  ];

  static override flags = {
    all: Flags.boolean({ description: 'also what has expired' }),
    expiring: Flags.integer({
      helpValue: 'DAYS',
      min: 1,
      description: 'only what expires within so many days, and is not revoked',
    }),
    revoked: Flags.boolean({ description: 'only what is revoked', exclusive: ['expiring'] }),
  };

  async run(): Promise<{ stateDir: string; issued: readonly Issued[] }> {
    const { flags } = await this.parse(CaList);
    const { stateDir } = this.paths(flags);
    const { openStore } = await import('../../core/store/store.ts');
    const { listIssued } = await import('../../core/authority/issued.ts');
    await using store = await openStore(stateDir, 'read');
    const now = new Date();
    const limit = flags.expiring === undefined ? undefined : now.getTime() + flags.expiring * DAY;
    const issued = (await listIssued(store))
      .map(({ serial, id, role, notBefore, notAfter, revokedAt }): Issued => {
        const state = revokedAt !== undefined ? 'revoked' : notAfter <= now ? 'expired' : 'valid';
        return { serial, id, role, state, notBefore, notAfter, revokedAt };
      })
      .filter(({ state, notAfter }) => {
        if (flags.revoked) return state === 'revoked';
        if (limit !== undefined) return state === 'valid' && notAfter.getTime() <= limit;
        return flags.all || notAfter > now;
      });
    if (!this.jsonEnabled()) await this.#print(issued);
    return { stateDir, issued };
  }

  async #print(issued: readonly Issued[]): Promise<void> {
    const { tableLines } = await import('../../core/cli/table.ts');
    const { expiryStyled } = await import('../../core/cli/expiry.ts');
    const rows = issued.map(({ serial, id, role, state, notAfter }) => ({
      serial,
      role,
      state,
      expires: expiryStyled(notAfter),
      id,
    }));
    const lines = tableLines(['serial', 'role', 'state', 'expires', 'id'], rows);
    this.log(lines.length > 0 ? lines.join('\n') : 'Nothing.');
  }
}
