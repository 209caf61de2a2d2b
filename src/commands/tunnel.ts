import { tmpdir } from 'node:os';
import { Flags } from '../core/cli/oclif.ts';
import { PoolCommand } from '../core/cli/pool-command.ts';
import { proxyFlags, startTlsFlags } from '../core/cli/starttls-flags.ts';
import { tlsFlags } from '../core/cli/tls-flags.ts';
import { keepYoungGenerationSmall } from '../core/cli/young-generation.ts';
import type { Tunnel as OpenTunnel } from '../core/tunnel/tunnel.ts';

export default class Tunnel extends PoolCommand {
  static override summary = 'carry connections through TLS';

  static override description =
    `What comes in at --accept goes out at --connect. TLS is spoken with whoever connects or, with --client, with whom is connected to. Each connection is handed to the pool with both its sockets; nothing of it stays in the tunnel.

A client validates the server always: it must prove to be the name that was connected to, or --remote-id.

Several tunnels come from a file, in the form of tlspool.conf: \`tunnel NAME\` begins one; accept, connect, client (yes), udp (yes), local_id, remote_id, request_remote_id (yes), require_remote_id (yes), service, alpn, starttls, unsafe_tls_optional (yes), proxy_header and proxy_from are its words.

With --starttls the connection begins in the clear, and turns to TLS as the protocol has it, although the program knows nothing of that: it is not heard before TLS, and finds no trace of it.`;

  static override usage = [
    'tunnel --accept ADDR:PORT --connect ADDR:PORT|PATH [FLAGS]',
    'tunnel --from FILE [FLAGS]',
  ];

  static override examples = [
    {
      description: 'TLS in front of a web server',
      command:
        '<%= config.bin %> <%= command.id %> --local-id www.example.com --accept "[::]:443" --connect 127.0.0.1:8080',
    },
    {
      description: 'TLS for a program that cannot speak it',
      command:
        '<%= config.bin %> <%= command.id %> --client --accept 127.0.0.1:143 --connect imap.example.com:993',
    },
    {
      description: 'STARTTLS for a mail server that has none',
      command:
        '<%= config.bin %> <%= command.id %> --starttls smtp --accept "[::]:587" --connect 127.0.0.1:25',
    },
    {
      description: 'DTLS in front of a CoAP server',
      command:
        '<%= config.bin %> <%= command.id %> --udp --accept "[::]:5684" --connect 127.0.0.1:5683',
    },
    {
      description: 'all that a file describes',
      command: '<%= config.bin %> <%= command.id %> --from /etc/tlspool/tunnels.conf',
    },
  ];

  static override flags = {
    accept: Flags.string({
      helpValue: 'ADDR:PORT',
      description: 'where connections come in: an address, [IPV6], * or a host name, and a port',
    }),
    connect: Flags.string({
      helpValue: 'ADDR:PORT|PATH',
      dependsOn: ['accept'],
      description: 'where they go to: an address or a host name and a port, or a UNIX socket',
    }),
    from: Flags.string({
      helpValue: 'FILE',
      exclusive: [
        'accept',
        'connect',
        'client',
        'udp',
        'local-id',
        'remote-id',
        'service',
        'request-remote-id',
        'require-remote-id',
        'alpn',
        'starttls',
        'unsafe-tls-optional',
        'proxy-header',
        'proxy-from',
      ],
      description: 'file of tunnels',
    }),
    udp: Flags.boolean({
      exclusive: ['starttls', 'unsafe-tls-optional', 'proxy-header', 'proxy-from'],
      description: 'carry datagrams (UDP), with DTLS instead of TLS',
    }),
    client: Flags.boolean({ description: 'speak TLS where --connect leads to' }),
    'remote-id': Flags.string({
      helpValue: 'ID',
      dependsOn: ['client'],
      description: 'whom the server must prove to be [default: the name in --connect]',
    }),
    ...tlsFlags,
    ...startTlsFlags,
    ...proxyFlags,
  };

  async run(): Promise<{ tunnels: readonly object[] }> {
    const { flags } = await this.parse(Tunnel);
    keepYoungGenerationSmall();
    const [{ readPlans }, { runTunnels }, { openPool }, { Complaints }, mail] = await Promise.all([
      import('../core/tunnel/read-plans.ts'),
      import('../core/tunnel/run-tunnels.ts'),
      import('../core/tunnel/open-pool.ts'),
      import('../core/tunnel/complaints.ts'),
      import('../core/starttls/public-mail.ts'),
    ]);
    const plans = readPlans(flags);
    const say = (line: string) => process.stderr.write(`tlspool tunnel: ${line}\n`);
    const patience = flags['drain-timeout'];
    const stop = stopSignal(() => {
      if (patience > 0) say(`ends when its sessions have, or after ${patience} s`);
    });
    const runtimeDir = process.env.XDG_RUNTIME_DIR || tmpdir();
    const pool = await openPool({
      paths: this.paths(flags),
      standalone: flags.standalone,
      runtimeDir,
    });
    const complaints = new Complaints(say, 10_000);
    const tunnels = await runTunnels({
      plans,
      pool,
      limit: flags['max-handshakes'],
      drainTimeout: patience * 1_000,
      stop,
      events: {
        open: (opened) => {
          for (const tunnel of opened) {
            say(route(tunnel));
            const { role, startTls } = tunnel.plan.terms;
            const warning = mail.publicMailWarning(
              tunnel.addresses,
              role === 'server' ? startTls : undefined,
            );
            if (warning !== undefined) say(warning);
          }
        },
        lost: ({ plan }, error) => complaints.add(plan.name ?? '', error),
      },
    });
    return { tunnels: tunnels.map(summary) };
  }
}

/** Aborted by the first request to end; a second one ends the process as it would without us. */
function stopSignal(asked: () => void): AbortSignal {
  const controller = new AbortController();
  controller.signal.addEventListener('abort', asked);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => controller.abort());
  }
  return controller.signal;
}

function route({ plan, addresses, target }: OpenTunnel): string {
  const name = plan.name === undefined ? '' : `${plan.name}: `;
  return `${name}${addresses.join(', ')} → ${target}`;
}

function summary({ plan, addresses, target }: OpenTunnel) {
  return { name: plan.name ?? null, accept: addresses, connect: target };
}
