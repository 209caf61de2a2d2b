import { Args, Flags } from '../../core/cli/oclif.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import { TlspoolError, UsageError } from '../../core/errors.ts';
import { harmless } from '../../core/seats/harmless.ts';
import type { SessionView } from '../../core/server/session-view.ts';

export default class SessionsShow extends PoolCommand {
  static override summary = 'show one session: who is on the other side';

  static override description =
    `Tells all that is known of a session, found by its id or by the address of the other side. A program behind TLS, or whoever looks after it, learns so who its client is.

The exit code is 1 if there is no such session.`;

  static override examples = [
    {
      description: 'who is it that the log of a wrapped server names by address?',
      command: '<%= config.bin %> <%= command.id %> --peer 192.0.2.1:4711',
    },
    { description: 'by its id', command: '<%= config.bin %> <%= command.id %> 3f9a41-7' },
  ];

  static override args = {
    session: Args.string({
      description: 'id, as `sessions list` shows it',
      ignoreStdin: true,
    }),
  };

  static override flags = {
    peer: Flags.string({
      helpValue: 'ADDR:PORT',
      description:
        'address and port of the other side, or what the program has for them: the end of a tunnel',
    }),
  };

  async run(): Promise<{ session: SessionView }> {
    const { args, flags } = await this.parse(SessionsShow);
    if ((args.session === undefined) === (flags.peer === undefined)) {
      throw new UsageError('which session? Give its id, or --peer ADDR:PORT');
    }
    const [{ sessions }, { canonicalPeer }] = await Promise.all([
      import('../../client/administration.ts'),
      import('../../core/tunnel/canonical-peer.ts'),
    ]);
    const peer = canonicalPeer(flags.peer ?? '');
    if (flags.peer !== undefined && peer === undefined) throw noPeer(flags.peer);
    const { socket } = this.paths(flags);
    for await (const session of sessions({ socket })) {
      const found =
        peer === undefined
          ? session.id === args.session
          : [session.peer, session.shownAs].some((address) => canonicalPeer(address) === peer);
      if (!found) continue;
      if (!this.jsonEnabled()) await this.#print(session);
      return { session };
    }
    throw new TlspoolError(
      'no-session',
      `there is no session ${peer === undefined ? args.session : `with ${peer}`}`,
      { hint: 'It may have ended; `tlspool sessions list` shows those that are there.' },
    );
  }

  async #print(session: SessionView): Promise<void> {
    const { byteCount } = await import('../../core/cli/byte-count.ts');
    const { program } = session;
    const lines: readonly (readonly [string, string])[] = [
      ['session', session.id],
      ['state', session.state],
      ['role', session.role],
      ['local identity', session.localId || '–'],
      ['remote identity', session.remoteId || '–'],
      ['let in by', session.decision || '–'],
      ['groups', session.groups.join(', ') || '–'],
      ['peer', session.peer || '–'],
      ['shown as', session.shownAs || '–'],
      ['service', session.service || '–'],
      ['TLS', [session.version, session.cipher, session.group].filter(Boolean).join(', ') || '–'],
      ['ALPN', session.alpn || '–'],
      ['resumed', session.resumed ? 'yes' : 'no'],
      ['in, out', `${byteCount(session.bytesIn)}, ${byteCount(session.bytesOut)}`],
      ...lostLine(session),
      ['since', session.openedAt],
      [
        'program',
        `${harmless(program.executable) || 'process'} (${program.pid}, user ${program.uid})`,
      ],
    ];
    const width = Math.max(...lines.map(([word]) => word.length));
    for (const [word, value] of lines) this.log(`${word.padEnd(width)}  ${value}`);
  }
}

/** Of datagrams. */
function lostLine({ version, lostIn, lostOut }: SessionView): [string, string][] {
  return version.startsWith('DTLS') ? [['lost in, out', `${lostIn}, ${lostOut} datagrams`]] : [];
}

function noPeer(text: string): UsageError {
  return new UsageError(
    `expected an address and a port, such as 192.0.2.1:4711 or [2001:db8::1]:4711, got \`${text}\``,
  );
}
