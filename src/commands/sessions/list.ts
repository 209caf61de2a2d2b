import { PoolCommand } from '../../core/cli/pool-command.ts';
import { harmless } from '../../core/seats/harmless.ts';
import type { SessionView } from '../../core/server/session-view.ts';

export default class SessionsList extends PoolCommand {
  static override summary = 'list the sessions of the pool';

  static override description =
    'Shows who talks to whom, over which TLS: version, cipher suite and key exchange group (X25519MLKEM768 holds against quantum computers), and how much went in and out. IN and OUT are seen from here: bytes from and to the other side.';

  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run(): Promise<{ sessions: readonly SessionView[] }> {
    const { flags } = await this.parse(SessionsList);
    const { socket } = this.paths(flags);
    const { sessions } = await import('../../client/administration.ts');
    const list: SessionView[] = [];
    for await (const session of sessions({ socket })) list.push(session);
    if (!this.jsonEnabled()) await this.#print(list);
    return { sessions: list };
  }

  async #print(sessions: readonly SessionView[]): Promise<void> {
    const { tableLines } = await import('../../core/cli/table.ts');
    const { age } = await import('../../core/cli/age.ts');
    const { byteCount } = await import('../../core/cli/byte-count.ts');
    const now = Date.now();
    const rows = sessions.map((session) => ({
      session: session.id,
      role: session.role,
      local: session.localId || '–',
      remote: session.remoteId || '–',
      peer: session.peer || '–',
      tls: session.state === 'handshake' ? '(handshake)' : session.version,
      group: session.group || '–',
      cipher: session.cipher || '–',
      in: byteCount(session.bytesIn),
      out: byteCount(session.bytesOut),
      age: age(now - Date.parse(session.openedAt)),
      program: programOf(session),
    }));
    const columns = [
      'session',
      'role',
      'local',
      'remote',
      'peer',
      'tls',
      'group',
      'cipher',
      'in',
      'out',
      'age',
      'program',
    ] as const;
    this.log(rows.length > 0 ? tableLines(columns, rows).join('\n') : 'No sessions.');
  }
}

function programOf({ program, attached }: SessionView): string {
  const name = harmless(program.executable).split('/').at(-1) || 'process';
  return `${name}[${program.pid}]${attached ? '' : ' (detached)'}`;
}
