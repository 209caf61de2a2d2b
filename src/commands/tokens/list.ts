import { resolve } from 'node:path';
import { Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import { TlspoolError } from '../../core/errors.ts';
import type { ListedToken } from '../../core/token/list-tokens.ts';
import type { KnownTokens } from '../../core/token/registered-tokens.ts';
import type { TokenStatus } from '../../core/token/token-status.ts';

interface Listing {
  /** Null if only a module was looked into. */
  readonly stateDir: string | null;
  readonly tokens: readonly { [Name in keyof ListedToken]: ListedToken[Name] | null }[];
}

export default class TokensList extends PoolCommand {
  static override summary = 'list the PKCS #11 tokens, their PIN state and what is wrong with them';

  static override description =
    `Looks into the modules that the pool knows; no daemon is needed, and nothing is logged in to. If one runs, its state of each token and its last failure there are shown. Tokens are named by complete pkcs11: URIs: any part of one that is not ambiguous names the token too. A PIN state of count-low means that someone gave a wrong PIN since the last right one, final-try that one more locks the token.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    {
      description: 'what a module shows, before there is a state folder',
      command:
        '<%= config.bin %> <%= command.id %> --module /usr/lib/x86_64-linux-gnu/opensc-pkcs11.so',
    },
  ];

  static override flags = {
    module: Flags.string({
      helpValue: 'PATH',
      description: 'look into this PKCS #11 module only; needs no state folder',
    }),
  };

  async run(): Promise<Listing> {
    const { flags } = await this.parse(TokensList);
    const { listTokens, withStatuses } = await import('../../core/token/list-tokens.ts');
    const { stateDir, modules, tokens } =
      flags.module === undefined
        ? await this.#known(this.paths(flags))
        : await this.#oneModule(flags.module);
    const { socket } = this.paths(flags);
    const listed = withStatuses(
      listTokens(modules, tokens),
      stateDir === null ? [] : await poolStatuses(socket, stateDir),
    );
    if (!this.jsonEnabled()) await this.#print(stateDir, flags.module, listed);
    return { stateDir, tokens: listed.map(withNulls) };
  }

  /** What the store names and, with or without one, the configuration. */
  async #known({ stateDir, config }: { stateDir: string; config: string }): Promise<Sources> {
    const { openStore } = await import('../../core/store/store.ts');
    const { readSettings } = await import('../../core/config/read-settings.ts');
    const { configuredTokens, knownTokens } = await import('../../core/token/registered-tokens.ts');
    const { token } = readSettings(config);
    try {
      await using store = await openStore(stateDir, 'read');
      return { stateDir, ...(await knownTokens(store.db, token)) };
    } catch (error) {
      const configuredOnly = token !== undefined && codeOf(error) === 'no-state';
      if (!configuredOnly) throw error;
      return { stateDir, ...configuredTokens(token) };
    }
  }

  async #oneModule(path: string): Promise<Sources> {
    const { describeModule } = await import('../../core/token/modules.ts');
    return {
      stateDir: null,
      modules: [describeModule(path, process.env.SOFTHSM2_CONF)],
      tokens: [],
    };
  }

  async #print(
    stateDir: string | null,
    module: string | undefined,
    tokens: readonly ListedToken[],
  ): Promise<void> {
    const { tableLines } = await import('../../core/cli/table.ts');
    if (stateDir !== null) this.log(`State folder: ${stateDir}\n`);
    const rows = tokens.map((token) => ({
      label: token.label,
      pin: token.pinState ?? '–',
      'pin from': token.loginFrom ?? (token.registered ? 'by hand' : '(not used)'),
      state: [token.state ?? (token.present ? 'present' : 'absent'), token.lastError]
        .filter((part) => part !== undefined)
        .join(': '),
      uri: token.uri,
    }));
    const lines = tableLines(['label', 'pin', 'pin from', 'state', 'uri'], rows);
    if (lines.length > 0) this.log(lines.join('\n'));
    else this.log(module === undefined ? NONE : await noneIn(module));
  }
}

const NONE = 'No tokens. Make one: tlspool tokens init --label NAME';

/** A module of somebody's hardware: it is that which is wanted, and not a token in files. */
async function noneIn(module: string): Promise<string> {
  const { printable } = await import('../../core/identity/domain-name.ts');
  const { quoted } = await import('../../core/authz/rule.ts');
  return [
    `${printable(module)} shows no token that can be used: none is plugged in or inserted, or it is empty.`,
    `Plug it in; one that is empty: tlspool tokens init --label NAME --module ${quoted(module)}`,
  ].join('\n');
}

interface Sources extends KnownTokens {
  readonly stateDir: string | null;
}

/** The same keys whatever is known. */
function withNulls(token: ListedToken): Listing['tokens'][number] {
  return {
    ...token,
    pinState: token.pinState ?? null,
    loginFrom: token.loginFrom ?? null,
    state: token.state ?? null,
    lastError: token.lastError ?? null,
  };
}

/** Nothing if no pool runs on this state folder. */
async function poolStatuses(socket: string, stateDir: string): Promise<readonly TokenStatus[]> {
  const { status } = await import('../../client/administration.ts');
  try {
    const answer = await status({ socket });
    return resolve(answer.stateDir) === resolve(stateDir) ? answer.tokens : [];
  } catch (error) {
    if (codeOf(error) === 'no-daemon') return [];
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof TlspoolError ? error.code : undefined;
}
