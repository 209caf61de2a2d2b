import { tmpdir } from 'node:os';
import * as Flags from '@oclif/core/flags';
import { PoolCommand } from '../core/cli/pool-command.ts';
import { tlsFlags } from '../core/cli/tls-flags.ts';
import { TlspoolError } from '../core/errors.ts';

export default class Wrap extends PoolCommand {
  static override summary = 'run a program behind TLS';

  static override description =
    `The program itself speaks plaintext. wrap listens for it, has the pool do TLS, and passes every connection on after its handshake and the checks of the remote succeeded.

With --listen the program gets its listening sockets in the manner of systemd's socket activation (sd_listen_fds), one for each --listen. They are UNIX sockets in a private folder, so that no other local user can go round TLS. With --inetd besides, it is started once for each connection, the plaintext socket being its stdin and stdout; PROTO, TCPREMOTEIP, TCPREMOTEPORT, TCPLOCALIP, TCPLOCALPORT, TLS_LOCAL_ID, TLS_REMOTE_ID, TLS_VERSION, TLS_CIPHER and TLS_ALPN tell it about the connection.

CMD is everything after the first --, untouched. The exit code is the program's, 128 + n if signal n ended it; 125 for failures of wrap itself, 126 if the program cannot be executed, 127 if it is not found.`;

  static override usage = 'wrap [FLAGS] --listen [NAME=]ADDR:PORT -- CMD [ARGS]';

  static override examples = [
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

  // The program owns stdout: nothing of ours may be mixed into it.
  static override enableJsonFlag = false;

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
      description: 'start the program once for each connection, the socket on stdin and stdout',
    }),
    'max-connections': Flags.integer({
      helpValue: 'N',
      min: 1,
      dependsOn: ['inetd'],
      description: 'programs at once [default: 100]; more connections wait',
    }),
    quiet: Flags.boolean({ char: 'q', description: 'say nothing but failures' }),
  };

  async run(): Promise<void> {
    const { own, program } = this.splitAtDashes();
    const { flags } = await this.parse(Wrap, own);
    const command = requireCommand(program);
    const listen = requireListen(flags.listen);
    const [{ wrap }, { chooseMode }, { parseListenOrder }, { builtLauncher }, tunnel] =
      await Promise.all([
        import('../core/wrap/wrap.ts'),
        import('../core/wrap/choose-mode.ts'),
        import('../core/wrap/public-listener.ts'),
        import('../core/wrap/program.ts'),
        importTunnel(),
      ]);
    const say = (line: string) => process.stderr.write(`tlspool wrap: ${line}\n`);
    const complaints = new tunnel.Complaints(say, 10_000);
    const paths = this.paths(flags);
    const runtimeDir = process.env.XDG_RUNTIME_DIR ?? tmpdir();
    const terms = tunnel.agreeServerTerms(tunnel.readTermFlags(flags));
    process.exitCode = await wrap({
      program: { command, environment: process.env, launcher: builtLauncher },
      mode: chooseMode({
        inetd: flags.inetd,
        maxConnections: flags['max-connections'],
        maxHandshakes: flags['max-handshakes'],
        runtimeDir,
      }),
      listen: listen.map(parseListenOrder),
      activation: { environment: process.env, pid: process.pid },
      pool: () => tunnel.openPool({ paths, standalone: flags.standalone, runtimeDir }),
      terms: (pool) => tunnel.withLocalIdentity(terms, pool.stateDir),
      drainTimeout: flags['drain-timeout'] * 1_000,
      events: {
        serving: (addresses, { localIds }) => {
          if (!flags.quiet) say(`${addresses.join(', ')}: serving as ${localIds.join(', ')}`);
        },
        lost: (error) => complaints.add('', error),
      },
    });
  }
}

async function importTunnel() {
  const [complaints, terms, access, identity] = await Promise.all([
    import('../core/tunnel/complaints.ts'),
    import('../core/tunnel/terms.ts'),
    import('../core/tunnel/pool-access.ts'),
    import('../core/tunnel/default-identity.ts'),
  ]);
  return { ...complaints, ...terms, ...access, ...identity };
}

function requireCommand(command: readonly string[] | undefined): readonly string[] {
  if (command !== undefined && command.length > 0) return command;
  throw new TlspoolError('usage', 'no program was given', {
    hint: 'It follows `--`: tlspool wrap --listen 0.0.0.0:443 -- CMD ARGS',
  });
}

function requireListen(listen: readonly string[] | undefined): readonly string[] {
  if (listen !== undefined && listen.length > 0) return listen;
  throw new TlspoolError('usage', 'where to listen was not said', {
    hint: 'Say it with --listen: tlspool wrap --listen 0.0.0.0:443 -- CMD ARGS',
  });
}
