import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Pool } from './pool.ts';
import { run, tlspoolCommand } from './running.ts';

/** A user of the machine without any rights, whom the user database does not know. Takes root. */
export class OtherUser {
  static readonly id = 61_003;
  readonly environment: NodeJS.ProcessEnv;
  /** Why a test cannot be run as this user; these files may be in a folder that is closed to others. */
  readonly skip: string | false;

  /** @param pool whose socket_mode lets others connect; the user may act as `localId` there */
  static async of(pool: Pool, localId: string): Promise<OtherUser> {
    chmodSync(pool.folder, 0o755);
    const home = join(pool.folder, 'home');
    mkdirSync(home);
    chownSync(home, OtherUser.id, OtherUser.id);
    const environment: NodeJS.ProcessEnv = {
      ...pool.environment,
      HOME: home,
      XDG_RUNTIME_DIR: home,
    };
    // Of a user id without an entry in the user database nothing else tells the shell.
    delete environment.SHELL;
    await pool.command('authz', 'allow-program', '--user', `${OtherUser.id}`, '--as', localId);
    const [file = '', ...args] = OtherUser.become(tlspoolCommand('--version'));
    const { code } = await run(file, args, { env: environment, cwd: '/' });
    return new OtherUser(
      environment,
      code === 0 ? false : 'these files are not for others to read',
    );
  }

  private constructor(environment: NodeJS.ProcessEnv, skip: string | false) {
    this.environment = environment;
    this.skip = skip;
  }

  /** The command, run as this user by root. */
  static become(command: readonly string[]): string[] {
    const who = ['--reuid', `${OtherUser.id}`, '--regid', `${OtherUser.id}`, '--clear-groups'];
    return ['setpriv', ...who, '--no-new-privs', ...command];
  }
}
