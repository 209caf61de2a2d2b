import { tmpdir } from 'node:os';
import { clientFlags } from '../core/cli/client-flags.ts';
import { Flags, type InferredFlags } from '../core/cli/oclif.ts';
import { portFlags } from '../core/cli/port-flags.ts';
import { RunningCommand } from '../core/cli/running-command.ts';
import { proxyFlags } from '../core/cli/starttls-flags.ts';
import { tlsFlags } from '../core/cli/tls-flags.ts';
import { keepYoungGenerationSmall } from '../core/cli/young-generation.ts';
import { TlspoolError } from '../core/errors.ts';
import type { PoolAccess } from '../core/tunnel/pool-access.ts';
import type { ServerTerms } from '../core/tunnel/terms.ts';
import type { ClientTermsGiven } from '../core/wrap/client/client-side.ts';
import type { ProgramPlan } from '../core/wrap/mode.ts';
import type { dryRun } from '../core/wrap/transparent/dry-run.ts';

export default class Wrap extends RunningCommand {
  static override summary = 'run a program behind TLS';

  static override description =
    `The program itself speaks plaintext and is not changed. The TCP sockets that it listens on are taken from under it: clients come to wrap, which has the pool do TLS and passes every connection on after its handshake and the checks of the remote succeeded. The program sees its own ports and the real addresses of its clients.

Where it connects to servers, the pool speaks TLS with them for it: a connection is made when the server has proved to be whom the program asked DNS for. Connections within this machine (loopback) stay plain unless --client-tls or --client-starttls names them.

All this goes for everything that it starts, too, whatever it is written in.

A port that no flag names means what IANA registered it for: 25 and 587 are SMTP with STARTTLS, 53 is plain, what has no other meaning has TLS from its first byte on. UNIX sockets stay plain.

With --listen the program gets its listening sockets in the manner of systemd's socket activation (sd_listen_fds) instead, one for each --listen, and nothing else of it is looked at. They are UNIX sockets in a private folder, so that no other local user can go round TLS. With --inetd besides, it is started once for each connection, the plaintext socket being its stdin and stdout; PROTO, TCPREMOTEIP, TCPREMOTEPORT, TCPLOCALIP, TCPLOCALPORT, TLS_LOCAL_ID, TLS_REMOTE_ID, TLS_VERSION, TLS_CIPHER and TLS_ALPN tell it about the connection.

CMD is everything after the first --, untouched. The exit code is the program's, 128 + n if signal n ended it; 125 for failures of wrap itself, 126 if the program cannot be executed, 127 if it is not found.`;

  static override usage = 'wrap [FLAGS] -- CMD [ARGS]';

  static override examples = [
    {
      description: 'a web server, as it is; its port 8080 speaks TLS',
      command: '<%= config.bin %> <%= command.id %> -- python3 -m http.server 8080',
    },
    {
      description: 'a server with a port for TLS and one for monitoring without',
      command:
        '<%= config.bin %> <%= command.id %> --tls 8443=https --plain 9100 -- my-server --foreground',
    },
    {
      description: 'a client; the page comes over TLS, from a server that proved its name',
      command: '<%= config.bin %> <%= command.id %> -- curl http://www.example.com:443/',
    },
    {
      description: 'what would happen, and whether this system allows it',
      command: '<%= config.bin %> <%= command.id %> --dry-run -- my-server',
    },
    {
      description: 'an HTTP server of busybox, one process for each connection',
      command:
        '<%= config.bin %> <%= command.id %> --listen 0.0.0.0:443 --inetd -- busybox httpd -i -h /srv/www',
    },
    {
      description: 'a program that takes its listening socket from its service manager',
      command:
        '<%= config.bin %> <%= command.id %> --local-id www.example.com --alpn h2,http/1.1 --listen "[::]:443" -- my-server --systemd',
    },
    {
      description: 'the same, its port opened by a systemd socket unit',
      command: '<%= config.bin %> <%= command.id %> --listen @my-server.socket -- my-server',
    },
  ];

  /** What is not the program's failure ends so, 126 and 127 aside (env(1), timeout(1)). */
  static override failureExit = 125;

  static override flags = {
    ...tlsFlags,
    listen: Flags.string({
      helpValue: '[NAME=]ADDR:PORT',
      multiple: true,
      multipleNonGreedy: true,
      description:
        'where clients connect: an address, [IPV6], * or a host name, and a port; @ or @NAME takes sockets from socket activation. NAME is how the program finds its socket (LISTEN_FDNAMES)',
    }),
    inetd: Flags.boolean({
      dependsOn: ['listen'],
      description: 'start the program once for each connection, the socket on stdin and stdout',
    }),
    ...portFlags,
    ...clientFlags,
    ...proxyFlags,
    'max-connections': Flags.integer({
      helpValue: 'N',
      min: 1,
      dependsOn: ['inetd'],
      description: 'programs at once [default: 100]; more connections wait',
    }),
    user: Flags.string({
      helpValue: 'NAME',
      description: 'run the program as this user, with its groups and home; needs root',
    }),
    group: Flags.string({
      helpValue: 'NAME',
      description: "run the program in this group instead of its user's own",
    }),
    quiet: Flags.boolean({ char: 'q', description: 'say nothing but failures' }),
  };

  async run(): Promise<void> {
    const { own, program } = this.splitAtDashes();
    const { flags } = await this.parse(Wrap, own);
    keepYoungGenerationSmall();
    const command = requireCommand(program);
    const [{ builtLauncher }, tunnel] = await Promise.all([
      import('../core/engine/launcher.ts'),
      importTunnel(),
    ]);
    const say = (line: string) => process.stderr.write(`tlspool wrap: ${line}\n`);
    const complaints = new tunnel.Complaints(say, 10_000);
    const paths = this.paths(flags);
    const runtimeDir = process.env.XDG_RUNTIME_DIR || tmpdir();
    const shared = {
      program: {
        command,
        environment: process.env,
        launcher: builtLauncher,
        user: flags.user,
        group: flags.group,
      },
      activation: { environment: process.env, pid: process.pid },
      pool: () => tunnel.openPool({ paths, standalone: flags.standalone, runtimeDir }),
      drainTimeout: flags['drain-timeout'] * 1_000,
      lost: (error: TlspoolError, which = '') => complaints.add(which, error),
    };
    const sayUnlessQuiet = flags.quiet ? () => undefined : say;
    process.exitCode =
      flags.listen === undefined
        ? await this.#wrapTransparently(flags, { ...shared, runtimeDir }, sayUnlessQuiet)
        : await this.#wrapListeners(flags.listen, flags, { ...shared, runtimeDir }, sayUnlessQuiet);
  }

  async #wrapTransparently(
    flags: WrapFlags,
    shared: Shared & { readonly runtimeDir: string },
    say: Say,
  ): Promise<number> {
    const [{ wrapTransparently }, { ListenerPolicy, describeMeaning }, rules, mail, tunnel] =
      await Promise.all([
        import('../core/wrap/transparent/wrap-transparently.ts'),
        import('../core/wrap/transparent/listener-policy.ts'),
        import('../core/wrap/client/client-rules.ts'),
        import('../core/starttls/public-mail.ts'),
        importTunnel(),
      ]);
    const { lost, ...order } = shared;
    const given = tunnel.readTermFlags({
      ...flags,
      starttls: undefined,
      'unsafe-tls-optional': false,
    });
    const policy = new ListenerPolicy(
      {
        tls: flags.tls ?? [],
        startTls: flags.starttls ?? [],
        plain: flags.plain ?? [],
        optional: flags['unsafe-tls-optional'] ?? [],
      },
      given,
    );
    const client = {
      rules: [
        ...(flags['client-tls'] ?? []).map(rules.parseClientTls),
        ...(flags['client-starttls'] ?? []).map(rules.parseClientStartTls),
      ],
      remoteId: rules.parseRemoteId(flags['remote-id']),
      service: given.service,
    };
    const withIdentity = (terms: ServerTerms, pool: PoolAccess) =>
      tunnel.withLocalIdentity(terms, pool.stateDir);
    if (flags['dry-run']) return this.#dryRun({ ...order, policy, withIdentity }, client);
    return wrapTransparently({
      ...order,
      policy,
      client,
      withIdentity,
      maxHandshakes: flags['max-handshakes'],
      restart: flags.restart ?? 'no',
      events: {
        listening: (address, meaning, terms) => {
          const as = terms ? `, serving as ${terms.localIds.join(', ')}` : '';
          say(`${address}: ${describeMeaning(meaning)}${as}`);
          const warning = mail.publicMailWarning([address], terms?.startTls);
          if (warning !== undefined) say(warning);
        },
        lost,
        refused: lost,
        away: () => say('the daemon went away, and its sessions with it; clients wait'),
        back: () => say('the daemon is back'),
        restarting: (exitCode, pause) =>
          say(`the program ended (exit code ${exitCode}); started again in ${pause / 1_000} s`),
      },
    });
  }

  async #dryRun(
    order: Parameters<typeof dryRun>[0],
    { rules, remoteId }: ClientTermsGiven,
  ): Promise<number> {
    const [{ dryRun }, { describeMeaning }, { formatHostAndPort }] = await Promise.all([
      import('../core/wrap/transparent/dry-run.ts'),
      import('../core/wrap/transparent/listener-policy.ts'),
      import('../core/tunnel/endpoint.ts'),
    ]);
    const { findings, localIds, names, ports } = await dryRun(order);
    for (const { what, failure, forListening } of findings) {
      const hint = failure?.hint === undefined ? '' : `. ${failure.hint}`;
      const mark = forListening ? '--   for programs that listen,' : 'no  ';
      this.log(failure ? `${mark} ${what}: ${failure.message}${hint}` : `ok   ${what}`);
    }
    if (localIds) this.log(`     serving as ${localIds.join(', ')}`);
    for (const { port, meaning } of ports)
      this.log(`     port ${port}: ${describeMeaning(meaning)}`);
    this.log('     other ports: by what IANA registered them for, TLS if that is nothing else');
    for (const { host, port, treatment } of rules) {
      const place = host === undefined ? `port ${port}` : formatHostAndPort({ host, port });
      this.log(`     connections to ${place}: ${describeMeaning(treatment)}`);
    }
    this.log('     other connections: by what IANA registered their ports for; loopback plain');
    const whom = remoteId ?? 'the name that was asked for';
    this.log(`     servers prove to be ${whom}`);
    this.log(`     names of servers: ${learned[names]}`);
    const missing = findings.some(({ failure, forListening }) => failure && !forListening);
    return missing ? Wrap.failureExit : 0;
  }

  async #wrapListeners(
    listen: readonly string[],
    flags: WrapFlags,
    shared: Shared & { readonly runtimeDir: string },
    say: Say,
  ): Promise<number> {
    const [{ wrap }, { chooseMode }, { parseListenOrder }, mail, tunnel] = await Promise.all([
      import('../core/wrap/wrap.ts'),
      import('../core/wrap/choose-mode.ts'),
      import('../core/wrap/public-listener.ts'),
      import('../core/starttls/public-mail.ts'),
      importTunnel(),
    ]);
    const { lost, runtimeDir, ...order } = shared;
    const given = tunnel.readTermFlags({
      ...flags,
      starttls: onlyProtocol(flags.starttls),
      'unsafe-tls-optional': false,
    });
    const terms = tunnel.agreeServerTerms(given);
    return wrap({
      ...order,
      mode: chooseMode({
        inetd: flags.inetd,
        maxConnections: flags['max-connections'],
        maxHandshakes: flags['max-handshakes'],
        runtimeDir,
      }),
      listen: listen.map(parseListenOrder),
      terms: (pool) => tunnel.withLocalIdentity(terms, pool.stateDir),
      events: {
        serving: (addresses, { localIds, startTls }) => {
          say(`${addresses.join(', ')}: serving as ${localIds.join(', ')}`);
          const warning = mail.publicMailWarning(addresses, startTls);
          if (warning !== undefined) say(warning);
        },
        lost,
      },
    });
  }
}

/** How the names of servers are. */
const learned = {
  sniffer: 'as DNS answers them, seen on the way',
  forwarder: 'by asking DNS in the place of programs',
};

/** With --listen, the ports are said there. */
function onlyProtocol(protocols: readonly string[] | undefined): string | undefined {
  const [protocol, ...others] = protocols ?? [];
  if (others.length === 0 && !protocol?.includes('=')) return protocol;
  throw new TlspoolError('usage', 'with --listen there is one protocol for all connections', {
    hint: 'Name it alone: --listen "*:587" --starttls smtp',
  });
}

type WrapFlags = InferredFlags<typeof Wrap.flags>;
type Say = (line: string) => unknown;

/** What all ways to wrap a program have alike. */
interface Shared {
  readonly program: ProgramPlan;
  readonly activation: { readonly environment: NodeJS.ProcessEnv; readonly pid: number };
  readonly pool: () => Promise<PoolAccess>;
  readonly drainTimeout: number;
  readonly lost: (error: TlspoolError, which?: string) => void;
}

async function importTunnel() {
  const [complaints, terms, access, identity] = await Promise.all([
    import('../core/tunnel/complaints.ts'),
    import('../core/tunnel/terms.ts'),
    import('../core/tunnel/open-pool.ts'),
    import('../core/tunnel/default-identity.ts'),
  ]);
  return { ...complaints, ...terms, ...access, ...identity };
}

function requireCommand(command: readonly string[] | undefined): readonly string[] {
  if (command !== undefined && command.length > 0) return command;
  throw new TlspoolError('usage', 'no program was given', {
    hint: 'It follows `--`: tlspool wrap -- CMD ARGS',
  });
}
