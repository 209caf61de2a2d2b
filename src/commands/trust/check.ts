import { Args, Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import { TlspoolError, UsageError } from '../../core/errors.ts';
import type { Donai } from '../../core/identity/donai.ts';
import type { RemoteQuestion, RemoteVerdict } from '../../core/trust/remote-question.ts';
import type { ValidationSettings } from '../../core/trust/validation-settings.ts';

interface Check {
  readonly stateDir: string;
  /** Whom it was to be. */
  readonly name: string;
  readonly role: 'server' | 'client';
  readonly believed: boolean;
  /** Whether rules may rest on the name. */
  readonly proven: boolean;
  /** Why not. */
  readonly reason: string | null;
  /** What the other side would be told. */
  readonly alert: string | null;
  readonly advice: string | null;
  readonly expression: string;
  readonly predicates: readonly {
    readonly letter: string;
    readonly value: 'true' | 'false' | 'unknown';
    readonly looked: string;
    /** ms */
    readonly took: number;
  }[];
}

/** ms until a server must have shown its certificate, and until there must be a verdict. */
const PATIENCE = 20_000;
const LONGEST = 60_000;

export default class TrustCheck extends PoolCommand {
  static override summary = 'whether a remote would be believed, and why';

  /** 1 is an answer. */
  static override failureExit = 2;

  static override description =
    `Connects to a server, or reads a chain from a file, and judges it as the pool would: by the expressions, anchors, pins and lists of the store and the settings of the configuration. First comes the verdict, then each predicate with its value, what it looked at and how long that took, and at last the change that would make it pass. The daemon is not needed, nothing is remembered.

Exit code: 0 believed, 1 not believed, 2 that could not be found out.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> www.example.com:443',
    {
      description: 'a server that is known by another name than its address',
      command: '<%= config.bin %> <%= command.id %> 192.0.2.7:993 --as imap.example.com',
    },
    {
      description: "a user's certificate, as a server would see it",
      command: '<%= config.bin %> <%= command.id %> --chain john.pem --as john@example.com',
    },
  ];

  static override args = {
    target: Args.string({ ignoreStdin: true, description: 'HOST:PORT of a server' }),
  };

  static override flags = {
    chain: Flags.string({
      helpValue: 'FILE',
      description: 'certificates in PEM, leaf first, or one in DER; - is stdin',
    }),
    as: Flags.string({
      helpValue: 'ID',
      description: 'whom it is to be [default: HOST, or the first that the certificate names]',
    }),
    role: Flags.option({
      helpValue: 'server|client',
      options: ['server', 'client'] as const,
      description: 'how the chain is judged [default: a user as a client, a domain as a server]',
    })(),
    service: Flags.string({
      helpValue: 'NAME',
      default: '',
      description: 'what the connection is for, such as imap',
    }),
  };

  async run(): Promise<Check> {
    const { args, flags } = await this.parse(TrustCheck);
    const { stateDir, config } = this.paths(flags);
    const { readSettings } = await import('../../core/config/read-settings.ts');
    const { validation } = readSettings(config);
    const question = await this.#question(args.target, flags, await donai(flags.as));
    const verdict = await judge(stateDir, validation, question);
    const check = await summary(stateDir, question.asked, verdict);
    process.exitCode = check.believed ? 0 : 1;
    if (!this.jsonEnabled()) this.#print(check);
    return check;
  }

  async #question(
    target: string | undefined,
    flags: {
      readonly chain?: string | undefined;
      readonly role?: 'server' | 'client' | undefined;
      readonly service: string;
    },
    as: Donai | undefined,
  ): Promise<Asked> {
    if ((target === undefined) === (flags.chain === undefined)) {
      throw new UsageError('say either HOST:PORT or --chain FILE');
    }
    if (target !== undefined) {
      if (flags.role === 'client') {
        throw new UsageError(
          'what answers at HOST:PORT is a server',
          '--role client is for --chain',
        );
      }
      const name = as ?? (await hostName(target));
      return { asked: { remoteRole: 'server', service: flags.service, as: name }, target };
    }
    const { readInput } = await import('../../core/cli/input-file.ts');
    const { readCertificates } = await import('../../core/identity/certificate-file.ts');
    const chain = readCertificates(await readInput(flags.chain ?? ''));
    const name = as ?? (await firstName(chain));
    const remoteRole = flags.role ?? (name?.user === undefined ? 'server' : 'client');
    return { asked: { remoteRole, service: flags.service, as: name }, chain };
  }

  #print(check: Check): void {
    const { name, believed, proven, reason, expression, predicates, advice, role } = check;
    if (!believed) this.log(`${name} is not believed as a ${role}: ${reason}`);
    else if (proven) this.log(`${name} is believed as a ${role}.`);
    else this.log(`${name} is let through as a ${role}, but it is not proven who that is.`);
    if (expression !== '') this.log(`\nExpression: ${expression}`);
    for (const { letter, value, looked, took } of predicates) {
      this.log(`  ${letter}  ${value.padEnd(7)}  ${looked} (${Math.round(took)} ms)`);
    }
    if (advice !== null) this.log(`\nTo make it pass: ${advice}`);
  }
}

/** What is to be judged, before anything was looked at. */
interface Asked {
  readonly asked: {
    readonly remoteRole: 'server' | 'client';
    readonly service: string;
    readonly as: Donai | undefined;
  };
  readonly chain?: readonly Buffer[];
  readonly target?: string;
}

async function donai(text: string | undefined): Promise<Donai | undefined> {
  if (text === undefined) return undefined;
  const { parseDonai } = await import('../../core/identity/donai.ts');
  return parseDonai(text);
}

/** Whom HOST:PORT is to be. */
async function hostName(target: string): Promise<Donai | undefined> {
  const { isAddress, parseServer } = await import('../../core/tunnel/endpoint.ts');
  const { host } = parseServer(target);
  if (isAddress(host)) {
    throw new UsageError('an address is no name', 'Say whom it is to be: --as ID.');
  }
  return donai(host);
}

/** Of the certificate; a malformed one is judged all the same. */
async function firstName([leaf]: readonly Buffer[]): Promise<Donai | undefined> {
  const { subjectNames } = await import('../../core/trust/subject-names.ts');
  const { DerError } = await import('../../core/trust/der.ts');
  try {
    const { users, domains } = subjectNames(leaf ?? Buffer.of());
    return users[0] ?? domains[0];
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

async function judge(
  stateDir: string,
  validation: ValidationSettings,
  { asked, chain, target }: Asked,
): Promise<RemoteVerdict> {
  const { openStore } = await import('../../core/store/store.ts');
  const { Engine } = await import('../../core/engine/engine.ts');
  const { Trust } = await import('../../core/trust/trust.ts');
  await using parts = new AsyncDisposableStack();
  const store = await openStore(stateDir, 'read');
  parts.defer(() => store.close());
  const engine = Engine.start({ threads: 1 });
  parts.defer(() => engine.stop());
  const trust = new Trust(store, engine, () => validation);
  parts.defer(() => trust.close());
  await trust.refresh();
  const { remoteRole, service, as } = asked;
  const signal = AbortSignal.timeout(LONGEST);
  const common = { remoteRole, service, explain: true, signal };
  // Awaited here: what it needs is let go of at the end of this block.
  const question =
    chain === undefined ? await look(engine, target ?? '', as) : { chain, expected: as };
  try {
    return await trust.validate({ ...common, ...question });
  } catch (error) {
    if (!signal.aborted) throw error;
    const message = `there was no verdict within ${LONGEST / 1_000} s`;
    throw new TlspoolError('no-verdict', message, {
      hint: 'Somebody who was asked does not answer: a resolver, a directory, or who keeps revocation lists.',
      cause: error,
    });
  }
}

/** What the server shows. */
async function look(
  engine: import('../../core/engine/engine.ts').Engine,
  target: string,
  as: Donai | undefined,
): Promise<Pick<RemoteQuestion, 'chain' | 'expected' | 'port' | 'handshake'>> {
  const { parseServer } = await import('../../core/tunnel/endpoint.ts');
  const { probeServer } = await import('../../core/tunnel/probe.ts');
  const endpoint = parseServer(target);
  const expected = as;
  try {
    const shown = await probeServer(engine, endpoint, expected?.domain, PATIENCE);
    const { chain, version, cipher, group, ocsp: stapled } = shown;
    const serverName = expected?.domain;
    const handshake = { version, cipher, group, serverName, ownRoles: undefined, stapled };
    return { chain, expected, port: endpoint.port, handshake };
  } catch (error) {
    if (!(error instanceof TlspoolError)) throw error;
    const { code, message, hint } = error;
    throw new TlspoolError(code, message, { hint, exit: 2, cause: error });
  }
}

async function summary(
  stateDir: string,
  { remoteRole, as }: Asked['asked'],
  verdict: RemoteVerdict,
): Promise<Check> {
  const { formatDonai } = await import('../../core/identity/donai.ts');
  const who = verdict.ok ? (verdict.remoteId ?? as) : as;
  return {
    stateDir,
    name: who === undefined ? 'the certificate' : formatDonai(who),
    role: remoteRole,
    believed: verdict.ok,
    proven: verdict.ok && verdict.proven,
    reason: verdict.ok ? null : verdict.reason,
    alert: verdict.ok ? null : verdict.alert,
    advice: verdict.ok ? null : (verdict.advice ?? null),
    expression: verdict.report?.expression ?? '',
    predicates: (verdict.report?.findings ?? []).map(({ letter, value, looked, took }) => ({
      letter,
      value,
      looked,
      took: Math.round(took * 10) / 10,
    })),
  };
}
