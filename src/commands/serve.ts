import { Flags } from '../core/cli/oclif.ts';
import { RunningCommand } from '../core/cli/running-command.ts';
import { keepYoungGenerationSmall } from '../core/cli/young-generation.ts';

export default class Serve extends RunningCommand {
  static override summary = 'run the pool';

  static override description =
    `Serves programs at the pool's socket until it is told to end. It stays in the foreground and logs to stderr: as text on a terminal, as JSON otherwise. Every TLS session leaves a line there when it ends.

SIGTERM and SIGINT end it when its sessions have ended, or after drain_timeout; a second one ends it at once. SIGHUP reads the configuration and the PIN sources anew. As a systemd service of Type=notify, or of Type=notify-reload, it tells when it is ready.

Nothing of its memory gets into a core file, and keys are never in it: they stay in their PKCS #11 tokens.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    {
      description: 'a pool of your own, beside that of the machine',
      command:
        '<%= config.bin %> <%= command.id %> --socket $XDG_RUNTIME_DIR/tlspool.sock --state-dir ~/.local/state/tlspool',
    },
  ];

  static override flags = {
    'client-config': Flags.string({
      helpValue: 'FILE',
      description:
        'write a configuration file by which programs find this pool (TLSPOOL_CONFIG_FILE), and remove it at the end',
    }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Serve);
    keepYoungGenerationSmall();
    const paths = this.paths(flags);
    const { readSettings } = await import('../core/config/read-settings.ts');
    const settings = readSettings(paths.config);
    const { createLog } = await import('../core/telemetry/log.ts');
    const { stderr } = process;
    const log = createLog({
      level: settings.logLevel,
      format: settings.logFormat ?? (stderr.isTTY ? 'text' : 'json'),
      stream: stderr,
    });
    const { serve } = await import('../core/server/serve.ts');
    await serve({
      version: this.config.version,
      paths,
      settings,
      log,
      clientConfig: flags['client-config'],
      notifySocket: process.env.NOTIFY_SOCKET,
      ready: ({ socket }) => stderr.write(`tlspool: ready at ${socket}\n`),
    });
  }
}
