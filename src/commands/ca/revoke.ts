import { Args, Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import { TlspoolError } from '../../core/errors.ts';
import type { Store } from '../../core/store/store.ts';

interface Revocation {
  readonly stateDir: string;
  readonly revoked: readonly { readonly serial: string; readonly id: string }[];
  /** Sessions that end; null: no daemon answers that could end them. */
  readonly sessions: number | null;
}

export default class CaRevoke extends PoolCommand {
  static override summary = 'take back what the local CA has signed';

  static override description =
    'Either one certificate, by its serial number, or all of an identity that hold still. This pool believes them no more from now on: new handshakes are refused with certificate_revoked, resumed sessions included. Sessions that are open go on, unless --apply-to-open ends them: in the daemon at once, in pools inside `wrap --standalone` and `tunnel --standalone` within a second or two.\n\nOthers learn of it by the revocation list (`ca crl`) or the OCSP responder (ca_listen in tlspool.conf). It cannot be undone: sign anew.';

  static override examples = [
    {
      description: 'somebody leaves',
      command: '<%= config.bin %> <%= command.id %> john@example.com --apply-to-open',
    },
    {
      description: 'one certificate, as `ca list` shows it',
      command: '<%= config.bin %> <%= command.id %> 5f3a91c0d2e84b77',
    },
  ];

  static override args = {
    what: Args.string({
      required: true,
      ignoreStdin: true,
      description: 'identity, or serial number (its beginning will do)',
    }),
  };

  static override flags = {
    'apply-to-open': Flags.boolean({
      description: 'end the open sessions of whom the certificates name',
    }),
  };

  async run(): Promise<Revocation> {
    const { args, flags } = await this.parse(CaRevoke);
    const { stateDir, socket } = this.paths(flags);
    const { openStore } = await import('../../core/store/store.ts');
    const { revoke } = await import('../../core/authority/issued.ts');
    await using store = await openStore(stateDir, 'write');
    const what = await canonical(args.what);
    const taken = await revoke(store, what, flags['apply-to-open']).catch(async (error) => {
      throw await withGuess(error, store, what);
    });
    const revoked = taken.map(({ serial, id }) => ({ serial, id }));
    for (const { serial, id } of revoked) this.log(`Revoked: ${id}, serial number ${serial}`);
    const ids = new Set(revoked.map(({ id }) => id));
    const sessions = flags['apply-to-open'] ? await endSessions(socket, ids) : 0;
    if (sessions === null) {
      this.warn(`no daemon answers at ${socket}: no session of a daemon was ended`);
    } else if (flags['apply-to-open']) this.log(`Open sessions that end: ${sessions}`);
    return { stateDir, revoked, sessions };
  }
}

/** A slip of the pen is told the identity that it most likely meant. */
async function withGuess(error: unknown, store: Store, what: string): Promise<unknown> {
  if (!(error instanceof TlspoolError && error.code === 'not-issued')) return error;
  const { listIssued } = await import('../../core/authority/issued.ts');
  const { nearest } = await import('../../core/cli/nearest.ts');
  const meant = nearest(what, [...new Set((await listIssued(store)).map(({ id }) => id))]);
  if (meant === undefined) return error;
  const hint = `Did you mean ${meant}? See \`tlspool ca list\`.`;
  return new TlspoolError(error.code, error.message, { hint });
}

/** An identity as the store has it; what is none may be a serial number. */
async function canonical(what: string): Promise<string> {
  const { parseLocalName } = await import('../../core/identity/local-name.ts');
  const { DonaiError } = await import('../../core/identity/donai-error.ts');
  const { formatSelector } = await import('../../core/identity/selector.ts');
  try {
    return formatSelector(parseLocalName(what));
  } catch (error) {
    if (error instanceof DonaiError) return what;
    throw error;
  }
}

/** Ends the sessions of whom those names stand for. null: no daemon answers. */
async function endSessions(socket: string, names: ReadonlySet<string>): Promise<number | null> {
  const { closeSession, sessions } = await import('../../client/administration.ts');
  const { namedBy } = await import('../../core/identity/local-name.ts');
  let count = 0;
  try {
    for await (const { id, remoteId } of sessions({ socket })) {
      if (!namedBy(names, remoteId)) continue;
      await closeSession(id, { socket, abort: true });
      count += 1;
    }
  } catch (error) {
    if (!(error instanceof TlspoolError && error.exit === 3)) throw error;
    return null;
  }
  return count;
}
